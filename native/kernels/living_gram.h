// The Gram matrices of a shrinking and growing set of neurons: rows and columns of parents are made from those of their
// children, without new dot products, and the dead are dropped by and by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/neuron_pairs.h"

namespace herm {

// A merge of two positions into a new one.
struct Union {
  std::uint32_t first, second;
  SideMix mix;
};

class LivingGram {
 public:
  // Columns for `capacity` positions.
  LivingGram(const Job& job, const NeuronPairs& neurons, std::size_t capacity);

  // Columns in use, and how many there may be.
  std::size_t width() const { return width_; }
  std::size_t capacity() const { return capacity_; }
  // Row p of the Gram matrix of every kind.
  std::array<const float*, 5> rows(std::size_t p) const;

  // Parents at the positions width() … width() + unions − 1. `alive` [width]: rows that still matter.
  void append(const Job& job, const std::vector<Union>& unions, const std::vector<char>& alive);
  // Keeps only the listed positions, in ascending order.
  void compact(const Job& job, const std::vector<std::uint32_t>& kept);

 private:
  float* row(std::size_t kind, std::size_t p) { return matrices_[kind].get() + place_[p] * stride_; }
  const float* row(std::size_t kind, std::size_t p) const { return matrices_[kind].get() + place_[p] * stride_; }
  void combine_rows(const Union& merge);
  void combine_columns(const std::vector<Union>& unions, std::size_t kind);

  std::vector<GramKind> kinds_;
  std::size_t width_, capacity_, stride_;
  std::vector<std::unique_ptr<float[]>> matrices_;  // [m×stride], one a kind; memory is touched only where it is used
  std::vector<std::uint32_t> place_;                // of a position's row in memory
};

}  // namespace herm
