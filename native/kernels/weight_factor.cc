#include "kernels/weight_factor.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "kernels/error.h"
#include "kernels/gram.h"
#include "kernels/large_array.h"
#include "kernels/threads.h"
#include "kernels/tiled_cholesky.h"
#include "kernels/unit_rows.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 16;  // inputs that a thread takes at a time

// The weights of each input as rows [n×m].
StoredMatrix by_inputs(StoredMatrix side) {
  side.transposed = !side.transposed;
  return side;
}

// 1/‖w‖ of each input's weights on all sides [n], 0 for an input without weights.
std::vector<double> inverse_norms(const Job& job, std::span<const RowReader> sides) {
  std::vector<double> found(sides.front().rows());
  for (const RowReader& side : sides) {
    const auto norms = side.norms(job);
    for (std::size_t c = 0; c < found.size(); ++c) found[c] = std::hypot(found[c], norms[c].times(1));
  }
  for (double& norm : found) {
    if (!std::isfinite(norm)) throw KernelError("NON_FINITE", "the weights of an input are out of range");
    norm = norm > 0 && std::isfinite(1 / norm) ? 1 / norm : 0;
  }
  return found;
}

}  // namespace

void weight_factor(const Job& job, std::span<const StoredMatrix> sides, double share, MutMatrix factor) {
  if (!(share >= 0 && share < 1)) throw std::invalid_argument("the share is not from 0 to below 1");
  const std::size_t n = factor.rows;
  std::vector<RowReader> readers;
  for (const StoredMatrix& side : sides) readers.emplace_back(job, by_inputs(side));
  const auto inverse = inverse_norms(job, readers);
  LargeArray products(checked_mul(n, n));
  const MatrixView<float> gram(products.data(), n, n);
  for (const RowReader& reader : readers) {
    const std::size_t m = reader.width();
    LargeArray values(checked_mul(n, m));
    const MatrixView<float> rows(values.data(), n, m);
    parallel_for(job, n, kRows, [&](std::size_t begin, std::size_t end) {
      Matrix wide(end - begin, m);
      reader.read(begin, end, wide.view());
      for (std::size_t c = begin; c < end; ++c)
        for (std::size_t i = 0; i < m; ++i) rows(c, i) = static_cast<float>(wide(c - begin, i) * inverse[c]);
    });
    gram_upper(job, rows, gram);
    const bool first = &reader == readers.data();
    parallel_for(job, n, kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t c = begin; c < end; ++c)
        for (std::size_t d = 0; d < c; ++d) {
          const double product = share * static_cast<double>(gram(d, c));
          factor(c, d) = first ? product : factor(c, d) + product;
        }
    });
  }
  for (std::size_t c = 0; c < n; ++c) {
    factor(c, c) = 1;
    std::fill_n(factor.row(c) + c + 1, n - c - 1, 0.0);
  }
  if (!cholesky(job, factor)) throw KernelError("NON_FINITE", "the weights are no finite numbers");
}

}  // namespace herm
