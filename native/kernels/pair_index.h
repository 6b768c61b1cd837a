// A list of pairs of neurons and the neurons that occur in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "kernels/matrix_view.h"

namespace herm {

class PairIndex {
 public:
  // Pair k is (pairs[2k], pairs[2k+1]). Throws std::invalid_argument where an index is not below `total`.
  PairIndex(const std::uint32_t* pairs, std::size_t count, std::size_t total) : count_(count), place_(total, kUnused) {
    for (std::size_t k = 0; k < 2 * count; ++k) {
      if (pairs[k] >= total) throw std::invalid_argument("a pair names a neuron that does not exist");
      place_[pairs[k]] = 0;
    }
    for (std::uint32_t i = 0; i < total; ++i) {
      if (place_[i] == kUnused) continue;
      place_[i] = static_cast<std::uint32_t>(neurons_.size());
      neurons_.push_back(i);
    }
  }

  // The neurons that occur, ascending.
  const std::vector<std::uint32_t>& neurons() const { return neurons_; }
  // Where neuron i is in neurons().
  std::size_t place(std::size_t i) const { return place_[i]; }
  // Whether whole Gram matrices of neurons() are cheaper than a dot product a pair, of which BLAS makes sixteen at a
  // time. They take at most 128 bytes a pair.
  bool dense() const { return count_ >= neurons_.size() * neurons_.size() / 16; }

 private:
  static constexpr std::uint32_t kUnused = 0xffffffff;

  std::size_t count_;
  std::vector<std::uint32_t> place_;
  std::vector<std::uint32_t> neurons_;
};

// The listed rows of a, as a matrix of their own.
inline Matrix select_rows(ConstMatrix a, const std::vector<std::uint32_t>& rows) {
  Matrix selected(rows.size(), a.cols);
  for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(a.row(rows[i]), a.cols, selected.row(i));
  return selected;
}

}  // namespace herm
