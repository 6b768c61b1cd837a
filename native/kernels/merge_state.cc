#include "kernels/merge_state.h"

#include <cmath>

#include "kernels/error.h"
#include "kernels/gram.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 16;  // rows a thread takes at a time

// g := the Gram matrix after row i became a_i·row i + a_j·row j. Row j keeps stale values: its slot is dead.
void combine(Matrix& g, std::size_t i, std::size_t j, double a_i, double a_j) {
  const double diagonal = a_i * a_i * g(i, i) + 2 * a_i * a_j * g(i, j) + a_j * a_j * g(j, j);
  double* row_i = g.row(i);
  const double* row_j = g.row(j);
  for (std::size_t c = 0; c < g.cols(); ++c) row_i[c] = a_i * row_i[c] + a_j * row_j[c];
  row_i[i] = std::max(0.0, diagonal);
  for (std::size_t r = 0; r < g.rows(); ++r) g(r, i) = row_i[r];
}

bool finite(const Matrix& m) {
  for (std::size_t i = 0; i < m.rows(); ++i)
    if (!std::isfinite(m(i, i))) return false;
  return true;
}

}  // namespace

MergeState::MergeState(const Job& job, const Activation& activation, const BiasFormat& bias, const BlockNeurons& block)
    : operator_(activation, bias),
      alive_(block.input.rows, 1),
      living_(block.input.rows),
      input_(block.input.rows, block.input.rows),
      output_(block.input.rows, block.input.rows),
      phi_(block.input.rows, block.input.rows),
      diagonals_(block.input.rows),
      series_(block.input.rows),
      short_(block.input.rows) {
  const std::size_t m = block.input.rows;
  gram(job, block.input, input_.view());
  gram(job, block.output, output_.view());
  std::vector<double> squared_dev(m), mean(m);
  for (std::size_t i = 0; i < m; ++i) {
    squared_dev[i] = input_(i, i);
    mean[i] = block.bias ? block.bias[i] : 0;
  }
  neurons_ = expand_neurons(job, operator_.expander(), squared_dev.data(), mean.data(), m);
  kernel_matrix(job, neurons_, input_.view(), phi_.view());
  for (std::size_t i = 0; i < m; ++i) refresh(i);
  estimate_ = std::make_unique<const CostEstimate>(job, activation, bias.present, neurons_.dev);
  // Cauchy-Schwarz: finite diagonals bound everything else; products of both are what costs are made of.
  double energy = 0;
  for (std::size_t i = 0; i < m; ++i) energy += phi_(i, i) * output_(i, i);
  if (!finite(input_) || !finite(output_) || !finite(phi_) || !std::isfinite(energy * energy)) {
    throw KernelError("NON_FINITE", "the weights are so large that their Gram matrices overflow double precision");
  }
}

// What is kept of a slot beside its rows. The operator reads a neuron's series in one piece; interaction.h keeps them
// degree-major.
void MergeState::refresh(std::size_t slot) {
  diagonals_[slot] = {input_(slot, slot), output_(slot, slot), neurons_.second[slot]};
  HermiteSeries& series = series_[slot];
  series.activation = operator_.expander().activation();
  series.dev = neurons_.dev[slot];
  series.mean = neurons_.mean[slot];
  series.c.resize(neurons_.degree() + 1);
  for (std::size_t k = 0; k < series.c.size(); ++k) series.c[k] = neurons_.series(k, slot);
  series.second = neurons_.second[slot];
  series.even_tail = neurons_.even_tail[slot];
  series.odd_tail = neurons_.odd_tail[slot];
  short_[slot] = shorten(series);
}

PairView MergeState::view(std::size_t i, std::size_t j) const {
  return {{neurons_.dev[i], neurons_.dev[j]},
          {neurons_.mean[i], neurons_.mean[j]},
          {diagonals_[i].input, input_(i, j), diagonals_[j].input},
          phi(i, j),
          output(i, j)};
}

double MergeState::estimate(std::size_t i, std::size_t j) const {
  const auto [first, second] = std::minmax(i, j);
  return (*estimate_)(view(first, second), short_[first], short_[second]);
}

Parent MergeState::best(std::size_t i, std::size_t j) const {
  const auto [first, second] = std::minmax(i, j);
  return operator_.best(view(first, second), series_[first], series_[second]);
}

void MergeState::apply(const Job& job, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& pairs,
                       std::vector<Merge>& out) {
  for (const auto& [i, j] : pairs) {
    const Parent parent = best(i, j);
    out.push_back({i,
                   j,
                   {to_half(parent.alpha[0]), to_half(parent.alpha[1])},
                   {to_half(parent.beta[0]), to_half(parent.beta[1])},
                   parent.bias,
                   parent.cost});
  }
  const std::size_t first = out.size() - pairs.size();
  for (std::size_t t = first; t < out.size(); ++t) {
    const Merge& merge = out[t];
    combine(input_, merge.i, merge.j, from_half(merge.alpha[0]), from_half(merge.alpha[1]));
    combine(output_, merge.i, merge.j, from_half(merge.beta[0]), from_half(merge.beta[1]));
    alive_[merge.j] = 0;
    --living_;
    expand_neuron(neurons_, merge.i, operator_.expander(), input_(merge.i, merge.i), merge.bias);
    refresh(merge.i);
  }
  parallel_for(job, pairs.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t i = pairs[t].first;
      kernel_row(neurons_, i, neurons_, input_.row(i), 0, size(), phi_.row(i));
    }
  });
  // Two parents of one round: the lower slot's row is the one that stands, to the bit the same in both places.
  for (std::size_t t = pairs.size(); t-- > 0;) {
    const std::size_t i = pairs[t].first;
    for (std::size_t r = 0; r < size(); ++r) phi_(r, i) = phi_(i, r);
  }
}

}  // namespace herm
