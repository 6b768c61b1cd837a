#include "kernels/gram.h"

#include <utility>

#include "kernels/blas.h"
#include "kernels/mirror.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kTile = 256;

std::size_t tiles(std::size_t n) { return (n + kTile - 1) / kTile; }
std::size_t tile_end(std::size_t tile, std::size_t n) { return std::min(n, (tile + 1) * kTile); }

// out tile = a b or a bᵀ. BLAS would refuse the strides of empty matrices; an empty inner dimension gives zeros.
void gemm(CBLAS_TRANSPOSE transpose_b, ConstMatrix a, ConstMatrix b, MutMatrix out) {
  if (out.rows == 0 || out.cols == 0) return;
  if (a.cols == 0) {
    for (std::size_t i = 0; i < out.rows; ++i) std::fill_n(out.row(i), out.cols, 0.0);
    return;
  }
  cblas_dgemm(CblasRowMajor, CblasNoTrans, transpose_b, blas_dim(out.rows, "rows"), blas_dim(out.cols, "cols"),
              blas_dim(a.cols, "cols"), 1.0, a.data, blas_dim(a.stride, "stride"), b.data, blas_dim(b.stride, "stride"),
              0.0, out.data, blas_dim(out.stride, "stride"));
}

MutMatrix block(MutMatrix m, std::size_t row, std::size_t row_end, std::size_t col, std::size_t col_end) {
  return {&m.data[row * m.stride + col], row_end - row, col_end - col, m.stride};
}

}  // namespace

void gram(const Job& job, ConstMatrix a, MutMatrix out) {
  const std::size_t n = tiles(a.rows);
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) pairs.emplace_back(i, j);

  parallel_for(job, pairs.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t i0 = pairs[t].first * kTile, i1 = tile_end(pairs[t].first, a.rows);
      const std::size_t j0 = pairs[t].second * kTile, j1 = tile_end(pairs[t].second, a.rows);
      MutMatrix tile = block(out, i0, i1, j0, j1);
      if (i0 == j0 && a.cols > 0) {
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, blas_dim(tile.rows, "rows"), blas_dim(a.cols, "cols"), 1.0,
                    a.row(i0), blas_dim(a.stride, "stride"), 0.0, tile.data, blas_dim(tile.stride, "stride"));
      } else {
        gemm(CblasTrans, a.rows_from(i0, i1), a.rows_from(j0, j1), tile);
      }
      mirror_tile(out, i0, i1, j0, j1);
    }
  });
}

void cross_gram(const Job& job, ConstMatrix a, ConstMatrix b, MutMatrix out) {
  parallel_for(job, tiles(a.rows) * tiles(b.rows), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t i = t / tiles(b.rows), j = t % tiles(b.rows);
      gemm(CblasTrans, a.rows_from(i * kTile, tile_end(i, a.rows)), b.rows_from(j * kTile, tile_end(j, b.rows)),
           block(out, i * kTile, tile_end(i, a.rows), j * kTile, tile_end(j, b.rows)));
    }
  });
}

void multiply(const Job& job, ConstMatrix a, ConstMatrix b, MutMatrix out) {
  parallel_for(job, tiles(a.rows), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t i0 = i * kTile, i1 = tile_end(i, a.rows);
      gemm(CblasNoTrans, a.rows_from(i0, i1), b, block(out, i0, i1, 0, b.cols));
    }
  });
}

}  // namespace herm
