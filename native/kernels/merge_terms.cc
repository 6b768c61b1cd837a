#include "kernels/merge_terms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "kernels/block_gid.h"
#include "kernels/half.h"
#include "kernels/sca_pair.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kBatch = 64;  // merges whose children wait for their decomposition
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// One side's living rows by slot.
struct Rows {
  Matrix weights;            // [m×n]
  std::vector<double> bias;  // [m], or empty

  // Slot i becomes the parent of i and j.
  void merge(std::size_t i, std::size_t j, const std::uint16_t* factors) {
    const double first = from_half(factors[0]), second = from_half(factors[1]);
    double* to = weights.row(i);
    const double* from = weights.row(j);
    for (std::size_t c = 0; c < weights.cols(); ++c) to[c] = first * to[c] + second * from[c];
  }
  void merge(std::size_t i, std::size_t j, const std::uint16_t* factors, double parent_bias) {
    merge(i, j, factors);
    if (!bias.empty()) bias[i] = parent_bias;
  }
  Rows pair(std::size_t i, std::size_t j) const {
    Rows both{Matrix(2, weights.cols()), {}};
    std::copy_n(weights.row(i), weights.cols(), both.weights.row(0));
    std::copy_n(weights.row(j), weights.cols(), both.weights.row(1));
    if (!bias.empty()) both.bias = {bias[i], bias[j]};
    return both;
  }
  const double* biases() const { return bias.empty() ? nullptr : bias.data(); }
  // Weights and bias (0 where there are none) of a row, to the end of `joint`.
  void append(std::size_t i, std::vector<double>& joint) const {
    joint.insert(joint.end(), weights.row(i), weights.row(i) + weights.cols());
    joint.push_back(bias.empty() ? 0 : bias[i]);
  }
};

struct Children {
  Rows input, output, gate;
};

std::vector<double> load_bias(bool present, const StoredMatrix& stored) {
  if (!present) return {};
  std::vector<double> bias(checked_mul(stored.rows, stored.cols));
  widen(stored.dtype, stored.bytes, bias.size(), bias.data());
  return bias;
}

void check_tree(const StoredBlock& block, const TreeView& tree, const MergeTerms& terms) {
  block.check();
  const std::size_t m = block.input.neurons(), merges = tree.merges(), gate_merges = block.has_gate ? merges : 0;
  bool fits = (m == 0 || merges < m) && tree.alpha.size() == 2 * merges && tree.beta.size() == 2 * merges &&
              tree.bias.size() == merges && tree.gate_alpha.size() == 2 * gate_merges &&
              tree.gate_bias.size() == gate_merges && terms.gates.size() == 2 * merges &&
              terms.angles.size() == merges && terms.parts.size() == merges && terms.shares.size() == 2 * merges;
  std::vector<char> alive(m, 1);
  for (std::size_t t = 0; fits && t < merges; ++t) {
    const std::size_t i = tree.pairs[2 * t], j = tree.pairs[2 * t + 1];
    fits = i < j && j < m && alive[i] && alive[j];
    if (fits) alive[j] = 0;
  }
  if (!fits) throw std::invalid_argument("the tree does not fit the block");
}

// The angle between the two rows of M, in coordinates in which each neuron has ‖φ_k‖ = ‖v_k‖.
double oblique_angle(const NeuronGid& pair) {
  if (pair.gid.rank < 2) return kNaN;
  std::array<double, 2> scale;
  for (std::size_t k = 0; k < 2; ++k) scale[k] = std::pow(pair.phi(k, k) / pair.h(k, k), 0.25);
  const Matrix& mixing = pair.gid.input_mixing;
  const double a = mixing(0, 0) * scale[0], b = mixing(0, 1) * scale[1];
  const double c = mixing(1, 0) * scale[0], d = mixing(1, 1) * scale[1];
  return std::atan2(std::fabs(a * d - b * c), std::fabs(a * c + b * d));
}

void decompose(const Job& job, const HermiteExpander& expander, const InputPrior& prior, Children& pair,
               const MergeTerms& terms, std::size_t t) {
  const bool gated = pair.gate.weights.rows() > 0;
  std::array<std::vector<double>, 2> joint;
  std::size_t inputs = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    if (gated) pair.gate.append(k, joint[k]);
    pair.input.append(k, joint[k]);
    inputs = joint[k].size();
    const double* output = pair.output.weights.row(k);
    joint[k].insert(joint[k].end(), output, output + pair.output.weights.cols());
  }
  const auto shares = sca_of_pair(joint[0].data(), joint[1].data(), joint[0].size(), inputs).components.shares;
  std::copy(shares.begin(), shares.end(), &terms.shares[2 * t]);

  prior.apply(pair.input.weights.view(), pair.input.bias);
  if (gated) prior.apply(pair.gate.weights.view(), pair.gate.bias);
  const NeuronGid found = pair_gid(job, expander,
                                   {pair.input.weights.view(), pair.input.biases(), pair.output.weights.view(),
                                    pair.gate.weights.view(), pair.gate.biases()});
  std::copy_n(found.gid.gates.data(), 2, &terms.gates[2 * t]);
  terms.angles[t] = oblique_angle(found);
  terms.parts[t] = found.gid.rank == 0 ? kNaN : found.gid.input_mixing(0, 0) * found.gid.output_mixing(0, 0);
}

}  // namespace

void merge_terms(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
                 const MergeTerms& terms) {
  check_tree(block, tree, terms);
  Children living{{load_neurons(block.input), load_bias(block.has_bias, block.bias)},
                  {load_neurons(block.output), {}},
                  {block.has_gate ? load_neurons(block.gate) : Matrix(),
                   load_bias(block.has_gate && block.has_gate_bias, block.gate_bias)}};
  const HermiteExpander expander(activation, kSearchDegree);
  const std::size_t merges = tree.merges();
  for (std::size_t begin = 0; begin < merges; begin += kBatch) {
    job.check();
    const std::size_t end = std::min(merges, begin + kBatch);
    std::vector<Children> pairs;
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t i = tree.pairs[2 * t], j = tree.pairs[2 * t + 1];
      pairs.push_back({living.input.pair(i, j), living.output.pair(i, j), {}});
      living.input.merge(i, j, &tree.alpha[2 * t], tree.bias[t]);
      living.output.merge(i, j, &tree.beta[2 * t]);
      if (!block.has_gate) continue;
      pairs.back().gate = living.gate.pair(i, j);
      living.gate.merge(i, j, &tree.gate_alpha[2 * t], tree.gate_bias[t]);
    }
    parallel_for(job, pairs.size(), 1, [&](std::size_t from, std::size_t to) {
      for (std::size_t k = from; k < to; ++k) decompose(job.part(), expander, block.prior, pairs[k], terms, begin + k);
    });
    job.progress(static_cast<double>(end) / static_cast<double>(merges));
  }
}

}  // namespace herm
