// Symmetric matrices whose upper triangle was computed.
#pragma once

#include <algorithm>

#include "kernels/matrix_view.h"
#include "kernels/squares.h"

namespace herm {

// m(j, i) := m(i, j) for rows i in [i0, i1) and columns j > i in [j0, j1), in squares of one cache line a row: along
// rows i, which are read in order, while writing streams.
template <class T>
void mirror_tile(MatrixView<T> m, std::size_t i0, std::size_t i1, std::size_t j0, std::size_t j1) {
  constexpr std::size_t kLine = 64 / sizeof(T);
  const std::size_t step = m.stride * sizeof(T);
  const Stores stores = stores_for(m.rows * step);
  for (std::size_t i = i0; i < i1; i += kLine) {
    const std::size_t i_end = std::min(i1, i + kLine);
    for (std::size_t j = i > j0 ? j0 + (i - j0) / kLine * kLine : j0; j < j1; j += kLine) {
      const std::size_t j_end = std::min(j1, j + kLine);
      if (i_end <= j) {
        transpose_words<sizeof(T)>(&m(i, j), step, i_end - i, j_end - j, &m(j, i), step, stores);
        continue;
      }
      for (std::size_t c = j; c < j_end; ++c)
        for (std::size_t r = i; r < std::min(i_end, c); ++r) m(c, r) = m(r, c);
    }
  }
  end_streams();
}

}  // namespace herm
