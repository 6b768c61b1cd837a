#include "kernels/plain_pairs.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "kernels/half.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::array<GramKind, 2> kKinds{{{0, 0, 0}, {1, 1, 1}}};
constexpr std::size_t kExpansions = 16;  // that a thread makes at a time
// In small blocks the closer estimate of very many pairs is affordable, and better trees come of it: swept costs are
// mostly within this share of it.
constexpr std::size_t kSmall = 320;  // neurons
constexpr float kTrust = 0.92F;

}  // namespace

PlainPairs::PlainPairs(const Job& job, const Activation& activation, const StoredBlock& block, RowRoom room,
                       const InputSamples* samples)
    : operator_(activation, {block.has_bias, block.bias.dtype}), profiles_(room.capacity) {
  const RowReader input(job, block.input, block.prior);
  std::optional<RowReader> output(std::in_place, job, block.output);
  const std::size_t m = input.rows();
  if (m <= kSmall) trust_ = kTrust;
  // With one input and one output all pairs of like sign are parallel on both sides, and the mixture of two profiles is
  // their sum exactly. Scaled copies of one function are that in truth.
  blind_ = input.width() == 1 && output->width() == 1 &&
           (block.has_bias || !block.prior.isotropic() || !activation.homogeneous());
  const auto devs = input.norms(job), outputs = output->norms(job);
  const auto bias = load_biases(block.has_bias, block.bias, m), shifts = input.shifts(job);
  std::vector<Neuron> neurons(m);
  std::vector<double> energies(m);
  parallel_for(job, m, kExpansions, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      neurons[i].slot = static_cast<std::uint32_t>(i);
      neurons[i].bias = bias[i];
      operator_.expander().expand(devs[i].times(1), bias[i] + shifts[i], neurons[i].series);
      neurons[i].output = outputs[i].times(1);
    }
  });
  if (samples) samples_ = matched_kernel(job, activation, block, *samples, neurons);
  for (std::size_t i = 0; i < m; ++i) {
    weigh(neurons[i], i);
    energies[i] = neurons[i].energy;
  }
  const auto order = order_by_energy(energies);
  if (samples_) samples_->reorder(order);
  output_ = std::make_unique<UnitRows>(job, *output, outputs, order, room);
  output.reset();  // the memory of a transposed copy serves the other side
  input_ = std::make_unique<UnitRows>(job, input, devs, order, room);

  std::vector<double> deviations(m);
  neurons_.reserve(room.capacity);
  short_.reserve(room.capacity);
  for (const std::uint32_t i : order) {
    deviations[i] = neurons[i].series.dev;
    neurons_.push_back(std::move(neurons[i]));
    largest_amplitude_ = std::max(largest_amplitude_, std::sqrt(neurons_.back().energy));
  }
  if (samples_) return;
  for (const Neuron& neuron : neurons_) add_profile(neuron);
  estimate_ = std::make_unique<const CostEstimate>(job, activation, block.has_bias, deviations);
}

// Its kernel with itself, and its energy.
void PlainPairs::weigh(Neuron& neuron, std::size_t p) const {
  neuron.second = samples_ ? samples_->blend(samples_->second(p), neuron.series.second) : neuron.series.second;
  neuron.energy = countable_energy(neuron.output * neuron.output * neuron.second);
}

void PlainPairs::add_profile(const Neuron& neuron) {
  short_.push_back(shorten(neuron.series));
  profiles_.push(neuron.series, largest_amplitude_ > 0 ? std::sqrt(neuron.energy) / largest_amplitude_ : 0);
}

std::span<const GramKind> PlainPairs::kinds() const { return kKinds; }

void PlainPairs::sweep(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows,
                       float* r) const {
  sweep_pairs({&profiles_, operator_.expander().activation().odd(), fixed, fixed < begin, rows[0], rows[1]}, begin, end,
              r);
}

PairView PlainPairs::view(std::size_t first, std::size_t second) const {
  const Neuron &a = neurons_[first], &b = neurons_[second];
  const double rho = input_->correlation(first, second), h = output_->correlation(first, second);
  const double n1 = a.series.dev, n2 = b.series.dev;
  const double phi = kernel(a.series, b.series, rho);
  return {{n1, n2},
          {a.series.mean, b.series.mean},
          {n1 * n1, n1 * n2 * rho, n2 * n2},
          {a.second, samples_ ? samples_->blend(samples_->cross(first, second), phi) : phi, b.second},
          {a.output * a.output, a.output * b.output * h, b.output * b.output},
          {a.bias, b.bias}};
}

double PlainPairs::gaussian_kernel(std::size_t a, std::size_t b) const {
  if (a == b) return neurons_[a].series.second;
  return kernel(neurons_[a].series, neurons_[b].series, input_->correlation(a, b));
}

double PlainPairs::estimate(std::size_t owner, std::size_t partner) const {
  if (samples_) {
    const SlotOrder order = in_order(owner, partner);
    return parent_of(order.first, order.second).cost;
  }
  return (*estimate_)(view(owner, partner), short_[owner], short_[partner]);
}

Parent PlainPairs::parent_of(std::size_t first, std::size_t second) const {
  return parent_of(view(first, second), first, second);
}

Parent PlainPairs::parent_of(const PairView& pair, std::size_t first, std::size_t second,
                             const Remainder* remainder) const {
  const SampledPair sampled{samples_.get(), first, second};
  return operator_.best(pair, neurons_[first].series, neurons_[second].series, samples_ ? &sampled : nullptr,
                        remainder);
}

void PlainPairs::begin_merges(std::size_t count) {
  merging_ = count;
  neurons_.resize(neurons_.size() + count);
  merges_.resize(merges_.size() + count);
  input_->grow(count);
  output_->grow(count);
}

SlotOrder PlainPairs::in_order(std::size_t first, std::size_t second) const {
  if (neurons_[second].slot < neurons_[first].slot) return {second, first, true};
  return {first, second, false};
}

RefitLoss PlainPairs::refit_loss(std::size_t first, std::size_t second, const Remainder& remainder) const {
  const SlotOrder order = in_order(first, second);
  const auto& [i, j, swapped] = order;
  const Remainder left = order.of(remainder);
  const Parent parent = parent_of(view(i, j), i, j, &left);
  return {order, parent.loss, parent.kernel};
}

SideMix PlainPairs::merge(std::size_t t, std::size_t first, std::size_t second, const Remainder* remainder) {
  SideMix mix{};
  const SlotOrder order = in_order(first, second);
  const auto& [i, j, swapped] = order;
  const PairView pair = view(i, j);
  const Remainder left = remainder ? order.of(*remainder) : Remainder{};
  const Parent parent = parent_of(pair, i, j, remainder ? &left : nullptr);
  Merge& merge = merges_[merges_.size() - merging_ + t];
  merge = {neurons_[i].slot,
           neurons_[j].slot,
           {to_half(parent.alpha[0]), to_half(parent.alpha[1])},
           {to_half(parent.beta[0]), to_half(parent.beta[1])},
           parent.bias,
           parent.cost};

  const std::size_t p = neurons_.size() - merging_ + t;
  Neuron& neuron = neurons_[p];
  neuron.slot = merge.i;
  const double dev = std::sqrt(std::max(0.0, quadratic(pair.input, parent.alpha)));
  neuron.output = std::sqrt(std::max(0.0, quadratic(pair.output, parent.beta)));
  neuron.bias = parent.bias;
  operator_.expander().expand(dev, parent.bias + pair.shift(parent.alpha), neuron.series);
  if (samples_) samples_->merge(p, i, j, {{{parent.alpha, parent.bias - pair.stored_bias(parent.alpha)}}});
  weigh(neuron, p);
  const auto child = [&](std::size_t k) { return swapped ? 1 - k : k; };
  for (std::size_t k = 0; k < 2; ++k) {
    mix[0][child(k)] = dev > 0 ? parent.alpha[k] * pair.dev[k] / dev : 0;
    mix[1][child(k)] = neuron.output > 0 ? parent.beta[k] * neurons_[k == 0 ? i : j].output / neuron.output : 0;
  }
  input_->combine(p, first, mix[0][0], second, mix[0][1]);
  output_->combine(p, first, mix[1][0], second, mix[1][1]);
  return mix;
}

void PlainPairs::end_merges() {
  for (std::size_t p = neurons_.size() - merging_; !samples_ && p < neurons_.size(); ++p) add_profile(neurons_[p]);
  merging_ = 0;
}

void PlainPairs::compact(const std::vector<std::uint32_t>& kept) {
  for (std::size_t p = 0; p < kept.size(); ++p) {
    if (kept[p] == p) continue;
    neurons_[p] = std::move(neurons_[kept[p]]);
    short_[p] = short_[kept[p]];
  }
  neurons_.resize(kept.size());
  short_.resize(kept.size());
  input_->compact(kept);
  output_->compact(kept);
}

}  // namespace herm
