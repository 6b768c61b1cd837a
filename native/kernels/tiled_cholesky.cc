#include "kernels/tiled_cholesky.h"

#include <algorithm>
#include <cmath>

#include "kernels/blas.h"
#include "kernels/error.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kTile = 256;
constexpr std::size_t kWhole = 512;  // up to so many neurons there is but one tile
constexpr std::size_t kSpan = 4096;  // columns, or terms of sums, of one BLAS call: tens of milliseconds

// BLAS takes 32 bits; k × k matrices were refused where k does not fit.
lapack_int dim(std::size_t size) { return static_cast<lapack_int>(size); }

// out += factor · op(a) op(b)
void add_product(double factor, CBLAS_TRANSPOSE op_a, ConstMatrix a, CBLAS_TRANSPOSE op_b, ConstMatrix b,
                 MutMatrix out) {
  cblas_dgemm(CblasRowMajor, op_a, op_b, dim(out.rows), dim(out.cols), dim(op_a == CblasTrans ? a.rows : a.cols),
              factor, a.data, dim(a.stride), b.data, dim(b.stride), 1.0, out.data, dim(out.stride));
}

// The lower triangle of out += factor · a aᵀ, or aᵀ a.
void add_square(double factor, CBLAS_TRANSPOSE op, ConstMatrix a, MutMatrix out) {
  cblas_dsyrk(CblasRowMajor, CblasLower, op, dim(out.rows), dim(op == CblasTrans ? a.rows : a.cols), factor, a.data,
              dim(a.stride), 1.0, out.data, dim(out.stride));
}

// out := factor · op(lower) out, or out op(lower)
void multiply_lower(CBLAS_SIDE side, double factor, CBLAS_TRANSPOSE op, ConstMatrix lower, MutMatrix out) {
  cblas_dtrmm(CblasRowMajor, side, CblasLower, op, CblasNonUnit, dim(out.rows), dim(out.cols), factor, lower.data,
              dim(lower.stride), out.data, dim(out.stride));
}

// out := op(lower)⁻¹ out, or out op(lower)⁻¹
void divide_lower(CBLAS_SIDE side, CBLAS_TRANSPOSE op, ConstMatrix lower, MutMatrix out) {
  cblas_dtrsm(CblasRowMajor, side, CblasLower, op, CblasNonUnit, dim(out.rows), dim(out.cols), 1.0, lower.data,
              dim(lower.stride), out.data, dim(out.stride));
}

// Of a matrix [k×k]: it depends on k alone.
std::size_t tile_of(std::size_t k) { return k > kWhole ? kTile : std::max<std::size_t>(k, 1); }

// A matrix [k×k] in tiles.
struct Tiles {
  MutMatrix all;
  std::size_t tile;

  explicit Tiles(MutMatrix m) : all(m), tile(tile_of(m.rows)) { blas_dim(m.stride, "neurons"); }
  std::size_t count() const { return (all.rows + tile - 1) / tile; }
  std::size_t begin(std::size_t t) const { return t * tile; }
  std::size_t end(std::size_t t) const { return std::min(all.rows, begin(t + 1)); }
  // Rows of tile i, columns of tile j; or any columns.
  MutMatrix operator()(std::size_t i, std::size_t j) const { return row(i, begin(j), end(j)); }
  MutMatrix row(std::size_t i, std::size_t col, std::size_t col_end) const {
    return all.block(begin(i), end(i), col, col_end);
  }
};

// Calls body(begin, end) for pieces of [begin, end).
template <class Body>
void in_pieces(const Job& job, std::size_t begin, std::size_t end, Body&& body) {
  for (; begin < end; begin += kSpan) {
    job.check();
    body(begin, std::min(end, begin + kSpan));
  }
}

// Calls body(t) for all t < n.
template <class Body>
void for_each(const Job& job, std::size_t n, Body&& body) {
  parallel_for(job, n, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) body(t);
  });
}

bool factorise_tile(MutMatrix tile) {
  // Row-major lower is column-major upper: no transposed copies.
  if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', dim(tile.rows), tile.data, dim(tile.stride)) != 0) return false;
  // What is not a number is not below 0 either.
  for (std::size_t i = 0; i < tile.rows; ++i)
    if (!std::isfinite(tile(i, i))) return false;
  return true;
}

// status of LAPACK: above 0 where a pivot is 0, below where something is not a number
void require_regular(lapack_int status) {
  if (status != 0) throw KernelError("NON_FINITE", "a kernel matrix has no inverse in double precision");
}

// L := L⁻¹ =: W
void invert_lower(const Job& job, const Tiles& tiles) {
  const std::size_t n = tiles.count();
  for (std::size_t k = 0; k < n; ++k) {
    job.check();
    const MutMatrix pivot = tiles(k, k);
    // What steps before k have gathered in row k is −Σ L_kl W_lj.
    for_each(job, k, [&](std::size_t j) { divide_lower(CblasLeft, CblasNoTrans, pivot, tiles(k, j)); });
    require_regular(LAPACKE_dtrtri(LAPACK_COL_MAJOR, 'U', 'N', dim(pivot.rows), pivot.data, dim(pivot.stride)));
    for_each(job, n - k - 1, [&](std::size_t t) {
      const std::size_t i = k + 1 + t;
      const MutMatrix left = tiles(i, k);
      in_pieces(job, 0, tiles.begin(k), [&](std::size_t begin, std::size_t end) {
        add_product(-1, CblasNoTrans, left, CblasNoTrans, tiles.row(k, begin, end), tiles.row(i, begin, end));
      });
      multiply_lower(CblasRight, -1, CblasNoTrans, pivot, left);
    });
  }
}

// W := Wᵀ W
void square_lower(const Job& job, const Tiles& tiles) {
  for (std::size_t k = 0; k < tiles.count(); ++k) {
    job.check();
    for_each(job, k, [&](std::size_t t) {
      const std::size_t i = k - 1 - t;  // the longest first
      const MutMatrix left = tiles(k, i);
      in_pieces(job, 0, tiles.begin(i), [&](std::size_t begin, std::size_t end) {
        add_product(1, CblasTrans, left, CblasNoTrans, tiles.row(k, begin, end), tiles.row(i, begin, end));
      });
      add_square(1, CblasTrans, left, tiles(i, i));
    });
    const MutMatrix pivot = tiles(k, k);
    for_each(job, k, [&](std::size_t j) { multiply_lower(CblasLeft, 1, CblasTrans, pivot, tiles(k, j)); });
    require_regular(LAPACKE_dlauum(LAPACK_COL_MAJOR, 'U', dim(pivot.rows), pivot.data, dim(pivot.stride)));
  }
}

}  // namespace

bool cholesky(const Job& job, MutMatrix a) {
  const Tiles tiles(a);
  const std::size_t n = tiles.count();
  for (std::size_t k = 0; k < n; ++k) {
    job.check();
    const MutMatrix pivot = tiles(k, k);
    if (!factorise_tile(pivot)) return false;
    const std::size_t below = n - k - 1;
    for_each(job, below, [&](std::size_t t) { divide_lower(CblasRight, CblasTrans, pivot, tiles(k + 1 + t, k)); });
    for_each(job, below, [&](std::size_t t) {
      const std::size_t i = n - 1 - t;  // the longest first
      const MutMatrix left = tiles(i, k);
      in_pieces(job, tiles.begin(k + 1), tiles.begin(i), [&](std::size_t begin, std::size_t end) {
        add_product(-1, CblasNoTrans, left, CblasTrans, a.block(begin, end, tiles.begin(k), tiles.end(k)),
                    tiles.row(i, begin, end));
      });
      add_square(-1, CblasNoTrans, left, tiles(i, i));
    });
  }
  return true;
}

void cholesky_inverse(const Job& job, MutMatrix factor) {
  const Tiles tiles(factor);
  invert_lower(job, tiles);
  square_lower(job, tiles);
}

void cholesky_solve(const Job& job, ConstMatrix factor, MutMatrix out) {
  const std::size_t k = factor.rows, tile = tile_of(k);
  blas_dim(std::max(factor.stride, out.stride), "stride");
  parallel_for(job, out.cols, kTile, [&](std::size_t col, std::size_t col_end) {
    const auto rows = [&](std::size_t begin, std::size_t end) { return out.block(begin, end, col, col_end); };
    for (std::size_t i = 0; i < k; i += tile) {
      const std::size_t end = std::min(k, i + tile);
      in_pieces(job, 0, i, [&](std::size_t from, std::size_t to) {
        add_product(-1, CblasNoTrans, factor.block(i, end, from, to), CblasNoTrans, rows(from, to), rows(i, end));
      });
      divide_lower(CblasLeft, CblasNoTrans, factor.block(i, end, i, end), rows(i, end));
    }
    for (std::size_t end = k; end > 0;) {
      const std::size_t i = (end - 1) / tile * tile;
      in_pieces(job, end, k, [&](std::size_t from, std::size_t to) {
        add_product(-1, CblasTrans, factor.block(from, to, i, end), CblasNoTrans, rows(from, to), rows(i, end));
      });
      divide_lower(CblasLeft, CblasTrans, factor.block(i, end, i, end), rows(i, end));
      end = i;
    }
  });
}

}  // namespace herm
