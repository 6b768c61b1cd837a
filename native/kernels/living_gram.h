// Rows of the Gram matrices of a shrinking and growing set of neurons, for the search that reads them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/living.h"
#include "kernels/neuron_pairs.h"

namespace herm {

// A merge of two positions into a new one.
struct Union {
  std::uint32_t first, second;
  SideMix mix;
};

// Where a stretch of a neuron's row begins, in the matrix of every kind.
using RowOfKinds = std::array<const float*, kMaxKinds>;
// The same some columns on.
inline RowOfKinds shifted(RowOfKinds row, std::size_t columns) {
  for (const float*& values : row) values = values ? values + columns : nullptr;
  return row;
}

// A thread's window on a few rows.
class GramWindow {
 public:
  const RowOfKinds& row(std::size_t i) const { return rows_[i]; }

 private:
  friend class StoredGram;
  friend class ComputedGram;
  std::vector<RowOfKinds> rows_;  // null for kinds that there are not
  std::vector<float> values_;
  std::vector<float> left_;
};

class LivingGram {
 public:
  LivingGram() = default;
  LivingGram(const LivingGram&) = delete;
  LivingGram& operator=(const LivingGram&) = delete;
  virtual ~LivingGram() = default;

  // The living ones of columns [begin, end) of the listed rows, with kSweepPadding floats to spare. `begin` is a
  // multiple of Living::kWord, or all are alive. Thread-safe for different windows.
  virtual void read(std::span<const std::uint32_t> positions, const Living& living, std::size_t begin, std::size_t end,
                    GramWindow& window) const = 0;
  // Parents take the next positions, as the neurons have them already. `living` is of those before: rows that still
  // matter.
  virtual void append(const Job& job, const std::vector<Union>& unions, const Living& living) = 0;
  // Keeps only the living, before the neurons do.
  virtual void compact(const Job& job, const Living& living) = 0;
};

// Matrices in memory, with columns for `capacity` positions: a parent's row and column are made from those of its
// children, without new dot products.
std::unique_ptr<LivingGram> make_stored_gram(const Job& job, const NeuronPairs& neurons, std::size_t capacity);
// Nothing in memory but the neurons' vectors: rows are multiplied anew whenever they are read.
std::unique_ptr<LivingGram> make_computed_gram(const NeuronPairs& neurons);

}  // namespace herm
