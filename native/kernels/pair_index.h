// A list of pairs of neurons and the neurons that occur in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/job.h"
#include "kernels/matrix_view.h"

namespace herm {

class PairIndex {
 public:
  // Pair k is (pairs[2k], pairs[2k+1]); the list must outlive the index. Throws std::invalid_argument where an index is
  // not below `total`.
  PairIndex(const Job& job, const std::uint32_t* pairs, std::size_t count, std::size_t total);

  std::size_t count() const { return count_; }
  // The neurons that occur, ascending.
  const std::vector<std::uint32_t>& neurons() const { return neurons_; }
  // Where the neurons of pair k are in neurons().
  std::pair<std::size_t, std::size_t> places(std::size_t k) const {
    return {place_[pairs_[2 * k]], place_[pairs_[2 * k + 1]]};
  }
  // Whether whole Gram matrices of neurons() are cheaper than a dot product a pair, of which BLAS makes sixteen at a
  // time.
  bool dense() const { return count_ >= neurons_.size() * neurons_.size() / 16; }

 private:
  const std::uint32_t* pairs_;
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
