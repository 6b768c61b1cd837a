#include "kernels/gated_pairs.h"

#include <algorithm>
#include <cmath>

#include "kernels/half.h"
#include "kernels/threads.h"

namespace herm {

namespace {

enum Side : std::size_t { kGate, kValue, kOutput };
constexpr std::array<GramKind, 5> kKinds{
    {{kGate, kGate, 0}, {kValue, kValue, 1}, {kGate, kValue, 3}, {kValue, kGate, 2}, {kOutput, kOutput, 4}}};
constexpr std::size_t kExpansions = 16;  // that a thread makes at a time

}  // namespace

GatedPairs::GatedPairs(const Job& job, const Activation& activation, const StoredBlock& block, RowRoom room,
                       const InputSamples* samples)
    : operator_(activation, {block.has_gate_bias, block.gate_bias.dtype}, {block.has_bias, block.bias.dtype}),
      profiles_(room.capacity) {
  const RowReader gates(job, block.gate, block.prior), values(job, block.input, block.prior);
  const RowReader outputs(job, block.output);
  const std::size_t m = values.rows();
  // With one input and one output all pairs of like gates are parallel in all that the sweep compares. Scaled copies of
  // one function are that in truth.
  blind_ = values.width() == 1 && outputs.width() == 1 &&
           (block.has_bias || block.has_gate_bias || !block.prior.isotropic() || !activation.homogeneous());
  const auto gate_bias = load_biases(block.has_gate_bias, block.gate_bias, m);
  const auto value_bias = load_biases(block.has_bias, block.bias, m);
  const auto gate_shifts = gates.shifts(job), value_shifts = values.shifts(job);
  std::vector<Neuron> neurons(m);
  std::vector<double> energies(m);
  std::array<std::vector<RowNorm>, 3> norms{std::vector<RowNorm>(m), std::vector<RowNorm>(m), std::vector<RowNorm>(m)};
  parallel_for(job, m, kExpansions, [&](std::size_t begin, std::size_t end) {
    const std::size_t n = gates.width(), rows = end - begin;
    Matrix gate_rows(rows, n), value_rows(rows, n), output_rows(rows, outputs.width());
    gates.read(begin, end, gate_rows.view());
    values.read(begin, end, value_rows.view());
    outputs.read(begin, end, output_rows.view());
    for (std::size_t i = begin; i < end; ++i) {
      double *const g = gate_rows.row(i - begin), *const u = value_rows.row(i - begin);
      const RowNorm gate = unit_row(g, n, g), value = unit_row(u, n, u);
      norms[kGate][i] = gate;
      norms[kValue][i] = value;
      norms[kOutput][i] = row_norm(output_rows.row(i - begin), outputs.width());
      double cosine = 0;
      for (std::size_t c = 0; c < n; ++c) cosine += g[c] * u[c];
      Neuron& neuron = neurons[i];
      neuron.slot = static_cast<std::uint32_t>(i);
      neuron.output = norms[kOutput][i].times(1);
      const double dev = gate.times(1), size = value.times(1);
      neuron.gate_bias = gate_bias[i];
      neuron.value_bias = value_bias[i];
      neuron.input = {dev, gate_bias[i] + gate_shifts[i], value_bias[i] + value_shifts[i], dev * size * cosine,
                      size * size};
      operator_.expander().expand(neuron.input, neuron.series);
    }
  });
  if (samples) samples_ = matched_kernel(job, activation, block, *samples, neurons);
  for (std::size_t i = 0; i < m; ++i) {
    weigh(neurons[i], i);
    energies[i] = neurons[i].energy;
  }
  const auto order = order_by_energy(energies);
  if (samples_) samples_->reorder(order);
  sides_[kGate] = std::make_unique<UnitRows>(job, gates, norms[kGate], order, room);
  sides_[kValue] = std::make_unique<UnitRows>(job, values, norms[kValue], order, room);
  sides_[kOutput] = std::make_unique<UnitRows>(job, outputs, norms[kOutput], order, room);
  neurons_.reserve(room.capacity);
  for (const std::uint32_t i : order) {
    neurons_.push_back(std::move(neurons[i]));
    largest_amplitude_ = std::max(largest_amplitude_, std::sqrt(neurons_.back().energy));
  }
  if (samples_) return;
  for (const Neuron& neuron : neurons_) add_profile(neuron);
}

// Its kernel with itself, and its energy.
void GatedPairs::weigh(Neuron& neuron, std::size_t p) const {
  neuron.second = samples_ ? samples_->blend(samples_->second(p), neuron.series.second) : neuron.series.second;
  neuron.energy = countable_energy(neuron.output * neuron.output * neuron.second);
}

void GatedPairs::add_profile(const Neuron& neuron) {
  profiles_.push(neuron.series, std::sqrt(neuron.input.value),
                 largest_amplitude_ > 0 ? std::sqrt(neuron.energy) / largest_amplitude_ : 0);
}

std::span<const GramKind> GatedPairs::kinds() const { return kKinds; }

void GatedPairs::sweep(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows,
                       float* r) const {
  sweep_gated({&profiles_, fixed, fixed < begin, rows[0], rows[1], rows[2], rows[3], rows[4]}, begin, end, r);
}

GatedGram GatedPairs::gram(std::size_t first, std::size_t second) const {
  const GatedNeuron &a = neurons_[first].input, &b = neurons_[second].input;
  const double n1 = a.gate_dev, n2 = b.gate_dev, u1 = std::sqrt(a.value), u2 = std::sqrt(b.value);
  const UnitRows &gates = *sides_[kGate], &values = *sides_[kValue];
  return {n1 * n2 * gates.correlation(first, second), n1 * u2 * gates.correlation(first, values, second),
          u1 * n2 * values.correlation(first, gates, second), u1 * u2 * values.correlation(first, second)};
}

double GatedPairs::gaussian_kernel(std::size_t a, std::size_t b) const {
  if (a == b) return neurons_[a].series.second;
  return kernel(neurons_[a].series, neurons_[b].series, gram(a, b));
}

GatedPairView GatedPairs::view(std::size_t first, std::size_t second) const {
  const Neuron &a = neurons_[first], &b = neurons_[second];
  const double n1 = a.input.gate_dev, n2 = b.input.gate_dev;
  const GatedGram gram = this->gram(first, second);
  const double phi = kernel(a.series, b.series, gram);
  return {{n1, n2},
          {a.input.gate_mean, b.input.gate_mean},
          {a.input.value_mean, b.input.value_mean},
          {n1 * n1, gram.gate, n2 * n2},
          {a.input.value, gram.value, b.input.value},
          {{{a.input.cross, gram.gate_value}, {gram.value_gate, b.input.cross}}},
          {a.second, samples_ ? samples_->blend(samples_->cross(first, second), phi) : phi, b.second},
          {a.output * a.output, a.output * b.output * sides_[kOutput]->correlation(first, second), b.output * b.output},
          {a.gate_bias, b.gate_bias},
          {a.value_bias, b.value_bias}};
}

GatedParent GatedPairs::parent_of(std::size_t first, std::size_t second) const {
  return parent_of(view(first, second), first, second);
}

GatedParent GatedPairs::parent_of(const GatedPairView& pair, std::size_t first, std::size_t second,
                                  const Remainder* remainder) const {
  const SampledPair sampled{samples_.get(), first, second};
  return operator_.best(pair, neurons_[first].series, neurons_[second].series, samples_ ? &sampled : nullptr,
                        remainder);
}

double GatedPairs::estimate(std::size_t owner, std::size_t partner) const {
  const SlotOrder order = in_order(owner, partner);
  return parent_of(order.first, order.second).cost;
}

void GatedPairs::begin_merges(std::size_t count) {
  merging_ = count;
  neurons_.resize(neurons_.size() + count);
  merges_.resize(merges_.size() + count);
  for (const auto& side : sides_) side->grow(count);
}

SlotOrder GatedPairs::in_order(std::size_t first, std::size_t second) const {
  if (neurons_[second].slot < neurons_[first].slot) return {second, first, true};
  return {first, second, false};
}

RefitLoss GatedPairs::refit_loss(std::size_t first, std::size_t second, const Remainder& remainder) const {
  const SlotOrder order = in_order(first, second);
  const auto& [i, j, swapped] = order;
  const Remainder left = order.of(remainder);
  const GatedParent parent = parent_of(view(i, j), i, j, &left);
  return {order, parent.loss, parent.kernel};
}

SideMix GatedPairs::merge(std::size_t t, std::size_t first, std::size_t second, const Remainder* remainder) {
  const SlotOrder order = in_order(first, second);
  const auto& [i, j, swapped] = order;
  const GatedPairView pair = view(i, j);
  const Remainder left = remainder ? order.of(*remainder) : Remainder{};
  const GatedParent parent = parent_of(pair, i, j, remainder ? &left : nullptr);
  const auto halves = [](const std::array<double, 2>& x) { return std::array{to_half(x[0]), to_half(x[1])}; };
  Merge& merge = merges_[merges_.size() - merging_ + t];
  merge = {neurons_[i].slot,  neurons_[j].slot, halves(parent.alpha_value), halves(parent.beta),
           parent.value_bias, parent.cost,      halves(parent.alpha),       parent.gate_bias};

  const std::size_t p = neurons_.size() - merging_ + t;
  Neuron& neuron = neurons_[p];
  neuron.slot = merge.i;
  GatedMixture mixture{};
  mixture.gate = parent.alpha;
  mixture.value = parent.alpha_value;
  neuron.gate_bias = parent.gate_bias;
  neuron.value_bias = parent.value_bias;
  neuron.input = mixed_neuron(pair, mixture, parent.gate_bias, parent.value_bias);
  neuron.output = std::sqrt(std::max(0.0, quadratic(pair.output, parent.beta)));
  operator_.expander().expand(neuron.input, neuron.series);
  if (samples_) {
    samples_->merge(p, i, j,
                    {{{parent.alpha, parent.gate_bias - pair.stored_gate_bias(parent.alpha)},
                      {parent.alpha_value, parent.value_bias - pair.stored_value_bias(parent.alpha_value)}}});
  }
  weigh(neuron, p);
  SideMix mix{};
  for (std::size_t k = 0; k < 2; ++k) {
    const std::size_t child = swapped ? 1 - k : k;
    const Neuron& from = neurons_[k == 0 ? i : j];
    const double value = std::sqrt(neuron.input.value);
    mix[kGate][child] = neuron.input.gate_dev > 0 ? parent.alpha[k] * from.input.gate_dev / neuron.input.gate_dev : 0;
    mix[kValue][child] = value > 0 ? parent.alpha_value[k] * std::sqrt(from.input.value) / value : 0;
    mix[kOutput][child] = neuron.output > 0 ? parent.beta[k] * from.output / neuron.output : 0;
  }
  for (std::size_t s = 0; s < sides_.size(); ++s) sides_[s]->combine(p, first, mix[s][0], second, mix[s][1]);
  return mix;
}

void GatedPairs::end_merges() {
  for (std::size_t p = neurons_.size() - merging_; !samples_ && p < neurons_.size(); ++p) add_profile(neurons_[p]);
  merging_ = 0;
}

void GatedPairs::compact(const std::vector<std::uint32_t>& kept) {
  for (std::size_t p = 0; p < kept.size(); ++p)
    if (kept[p] != p) neurons_[p] = std::move(neurons_[kept[p]]);
  neurons_.resize(kept.size());
  for (const auto& side : sides_) side->compact(kept);
}

}  // namespace herm
