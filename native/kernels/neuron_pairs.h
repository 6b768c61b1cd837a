// The living neurons of a block as the search for merges sees them, whatever the kind of block: vectors on several
// sides, correlations between them, and what a pair would cost.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/merge.h"
#include "kernels/remainder.h"
#include "kernels/sampled_kernel.h"
#include "kernels/unit_rows.h"

namespace herm {

constexpr std::size_t kMaxSides = 3;
constexpr std::size_t kMaxKinds = 5;  // of Gram matrices

// Coefficients of unit vectors, one pair for each side: parent = x·first + y·second.
using SideMix = std::array<std::array<double, 2>, kMaxSides>;

// A Gram matrix that the search reads: correlations of the rows of one side with the columns of another.
struct GramKind {
  std::size_t row_side, col_side;
  std::size_t mirror;  // the kind with both exchanged
};

// A neuron's energy as the search counts it: what is too small to be told apart in multiples is nothing.
double countable_energy(double energy);
// Neurons in ascending order of their energies. Throws KernelError("NON_FINITE") where they leave the range of double
// precision: costs are made of their products.
std::vector<std::uint32_t> order_by_energy(const std::vector<double>& energies);
// [m] zeros where there are none.
std::vector<double> load_biases(bool present, const StoredMatrix& stored, std::size_t m);

// A pair with the older slot first, as merges have it; a remainder follows.
struct SlotOrder {
  std::size_t first, second;
  bool swapped;

  Remainder of(const Remainder& remainder) const { return swapped ? remainder.swapped() : remainder; }
};

// What a refit loses by a merge, and the kernel values of the parent with both and with itself.
struct RefitLoss {
  double loss = 0;
  ParentKernel kernel{};

  RefitLoss(const SlotOrder& order, double lost, const ParentKernel& parent) : loss(lost), kernel(parent) {
    if (order.swapped) std::swap(kernel.cross[0], kernel.cross[1]);
  }
};

// Neurons are known by position. A position is held from the neuron's birth until the next compact(); parents get
// positions at the end. A pair's owner is the neuron of less energy (of equals, the lower position): then every owner's
// cheapest partners are others.
class NeuronPairs {
 public:
  NeuronPairs() = default;
  NeuronPairs(const NeuronPairs&) = delete;
  NeuronPairs& operator=(const NeuronPairs&) = delete;
  virtual ~NeuronPairs() = default;

  virtual std::size_t size() const = 0;
  virtual std::span<const GramKind> kinds() const = 0;
  virtual const UnitRows& side(std::size_t s) const = 0;
  // ‖f‖² of one neuron's function.
  virtual double energy(std::size_t p) const = 0;
  // Whether a owns the pair.
  bool owns(std::size_t a, std::size_t b) const {
    const double x = energy(a), y = energy(b);
    return x < y || (x == y && a < b);
  }

  // r[j − begin] for [begin, end) all below or all above `fixed`, ranks of the living: about what merging j with
  // `fixed` would cost, in energies of the pair's owner; the same to the bit whichever of both is fixed. rows[k] is the
  // row of `fixed` in the Gram matrix of kind k, the living alone, from `begin` on. Rows and r have kSweepPadding
  // floats to spare.
  virtual void sweep(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows,
                     float* r) const = 0;
  // The share of swept costs that the schedule counts on: less than 1 leaves more pairs to the closer estimate.
  virtual float trust() const { return 1; }
  // Whether a swept cost of nothing says nothing, so that the closer estimate takes its place.
  virtual bool blind() const { return false; }
  // The sweep as the schedule counts it; returns how many closer estimates it took. `living` [ranks]: positions.
  std::size_t sweep_trusted(const std::vector<std::uint32_t>& living, std::size_t fixed, std::size_t begin,
                            std::size_t end, const float* const* rows, float* r) const;
  // Sweeps know the listed alone from now on: ranks of those that they knew before and, after them, of parents since.
  virtual void keep_swept(const std::vector<std::uint32_t>& ranks) = 0;
  // ‖v‖ of one neuron.
  virtual double output_norm(std::size_t p) const = 0;
  // Φ_ab of the Gaussian prior alone.
  virtual double gaussian_kernel(std::size_t a, std::size_t b) const = 0;
  // What the neurons do on samples, or null: then nothing is swept, and costs are the operator's own.
  virtual const SampledKernel* samples() const = 0;
  // The cost again, more closely, from the vectors in double precision.
  virtual double estimate(std::size_t owner, std::size_t partner) const = 0;
  // What the operator's parent costs a refit, where the other living neurons leave this of the pair.
  virtual RefitLoss refit_loss(std::size_t first, std::size_t second, const Remainder& remainder) const = 0;

  // Merges disjoint pairs: exact costs, and parents at the positions size() … size() + pairs − 1. Thread-safe for
  // different t after begin_merges(count); end_merges() makes the parents part of the block. With a remainder (or null)
  // the parent is the one that a refit loses least by.
  virtual void begin_merges(std::size_t count) = 0;
  virtual SideMix merge(std::size_t t, std::size_t first, std::size_t second, const Remainder* remainder) = 0;
  virtual void end_merges() = 0;

  // Keeps only the listed positions, in ascending order: those of all that sweeps know.
  virtual void compact(const std::vector<std::uint32_t>& kept) = 0;

  // All merges so far, in order.
  const std::vector<Merge>& merges() const { return merges_; }

 protected:
  std::vector<Merge> merges_;

 private:
  std::size_t look_closer(const std::vector<std::uint32_t>& living, std::size_t fixed, std::size_t begin,
                          std::size_t end, float* r) const;
};

}  // namespace herm
