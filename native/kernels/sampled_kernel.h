// The kernel of a block's neurons on sample inputs, blended with that of a Gaussian prior (docs/theory.md, section 1).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/activation.h"
#include "kernels/large_array.h"
#include "kernels/pair.h"
#include "kernels/stored_block.h"

namespace herm {

// What the block was given, and how much that counts.
struct InputSamples {
  MatrixView<const float> inputs;  // [N×n]
  double blend = 0;                // ε: the share of the Gaussian prior
};

// The pre-activation of a parent: Σ α_k s_k + offset.
struct BranchMix {
  std::array<double, 2> alpha;
  double offset = 0;  // b_p − Σ α_k b_k
};
// Of plain neurons the first one; of gated neurons gate and value.
using BranchMixes = std::array<BranchMix, 2>;

// Kernel values of a parent with its children, and with itself.
struct ParentKernel {
  std::array<double, 2> cross;
  double second;
};

// Of a parent that is child `kept`.
inline ParentKernel kernel_of_child(const Sym2& phi, std::size_t kept) {
  return kept == 0 ? ParentKernel{{phi.a11, phi.a12}, phi.a11} : ParentKernel{{phi.a12, phi.a22}, phi.a22};
}

// Φ = (1 − ε) AAᵀ/N + ε s Φ_Gaussian, A [m×N] being the neurons' values on the samples and s such that the traces
// agree. Neurons are known by position; a parent's numbers take the memory of its first child.
class SampledKernel {
 public:
  // Positions are the neurons' slots, until reorder(). Room for all parents down to one neuron. Throws
  // KernelError("NON_FINITE") where values leave the range of single precision.
  SampledKernel(const Job& job, const Activation& activation, const StoredBlock& block, const InputSamples& samples);

  // The scale s, from E φ_i² of every neuron under the Gaussian prior.
  void match(const std::vector<double>& gaussian);
  // Position p becomes what was at order[p].
  void reorder(const std::vector<std::uint32_t>& order);

  std::size_t samples() const { return count_; }
  double blend(double sampled, double gaussian) const { return sampled_ * sampled + gaussian_ * gaussian; }
  bool has_gaussian() const { return gaussian_ > 0; }
  // On the samples alone.
  double second(std::size_t p) const { return second_[place_[p]]; }
  double cross(std::size_t a, std::size_t b) const;
  ParentKernel parent(std::size_t a, std::size_t b, const BranchMixes& mixes) const;

  // Position p := the parent of a and b. From any thread for different parents of disjoint pairs.
  void merge(std::size_t p, std::size_t a, std::size_t b, const BranchMixes& mixes);

  // Rows of memory, one for every neuron at first, and which one a position has.
  std::size_t rows() const { return rows_; }
  std::uint32_t place(std::size_t p) const { return place_[p]; }
  MatrixView<const float> values() const { return {values_.data(), rows_, count_}; }

 private:
  MatrixView<float> branch(std::size_t k) { return {branches_[k].data(), rows_, count_}; }
  const float* pre(std::size_t k, std::size_t p) const { return branches_[k].data() + place_[p] * count_; }
  void fill(const Job& job, const StoredMatrix& weights, const std::vector<double>& bias,
            MatrixView<const float> inputs, MatrixView<float> out) const;
  // Calls visit(t, φ) with the parent's value on every sample.
  template <class Visitor>
  void for_each_value(std::size_t a, std::size_t b, const BranchMixes& mixes, Visitor&& visit) const;

  Activation activation_;
  bool gated_;
  std::size_t rows_, count_;
  std::vector<LargeArray> branches_;  // pre-activations [rows×N]; of gated neurons gates and values
  LargeArray values_;                 // [rows×N]
  std::vector<double> second_;        // [rows]
  std::vector<std::uint32_t> place_;
  double blend_, sampled_ = 1, gaussian_ = 0;
};

// Of neurons by slot, whose `series` are the Gaussian prior's.
template <class Neuron>
std::unique_ptr<SampledKernel> matched_kernel(const Job& job, const Activation& activation, const StoredBlock& block,
                                              const InputSamples& samples, const std::vector<Neuron>& neurons) {
  auto kernel = std::make_unique<SampledKernel>(job, activation, block, samples);
  std::vector<double> gaussian(neurons.size());
  for (std::size_t i = 0; i < neurons.size(); ++i) gaussian[i] = neurons[i].series.second;
  kernel->match(gaussian);
  return kernel;
}

// A pair of neurons on the samples: what candidates for its parent are held against.
struct SampledPair {
  const SampledKernel* kernel;
  std::size_t first, second;

  // Blends what the Gaussian prior says of a candidate with what the samples do.
  ParentKernel blend(const ParentKernel& gaussian, const BranchMixes& mixes) const;
};

}  // namespace herm
