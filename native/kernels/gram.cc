#include "kernels/gram.h"

#include <utility>

#include "kernels/blas.h"
#include "kernels/mirror.h"
#include "kernels/squares.h"
#include "kernels/threads.h"

namespace herm {

namespace {

// What one BLAS call of a product takes: rows and columns of the result, and terms of its sums.
constexpr std::size_t kRows = 256, kCols = 512, kTerms = 8192;

// Large tiles are faster, small ones keep all threads busy. The choice depends on the matrix alone, and a tile takes
// some tens of milliseconds at most: threads look for an abort in between.
struct Tiling {
  std::size_t tile;

  Tiling(std::size_t rows, std::size_t inner, float) : tile(rows < 3072 ? 256 : inner > 8192 ? 384 : 768) {}
  Tiling(std::size_t rows, std::size_t inner, double)
      : tile(rows < 3072 || inner > 8192 ? 256
             : inner > 2048              ? 384
                                         : 768) {}
  std::size_t count(std::size_t n) const { return (n + tile - 1) / tile; }
  std::size_t end(std::size_t index, std::size_t n) const { return std::min(n, (index + 1) * tile); }
};

void blas_gemm(CBLAS_TRANSPOSE transpose_b, lapack_int m, lapack_int n, lapack_int k, MatrixView<const double> a,
               MatrixView<const double> b, MatrixView<double> out, double beta) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, transpose_b, m, n, k, 1.0, a.data, blas_dim(a.stride, "stride"), b.data,
              blas_dim(b.stride, "stride"), beta, out.data, blas_dim(out.stride, "stride"));
}

void blas_gemm(CBLAS_TRANSPOSE transpose_b, lapack_int m, lapack_int n, lapack_int k, MatrixView<const float> a,
               MatrixView<const float> b, MatrixView<float> out, float beta) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b, m, n, k, 1.0F, a.data, blas_dim(a.stride, "stride"), b.data,
              blas_dim(b.stride, "stride"), beta, out.data, blas_dim(out.stride, "stride"));
}

void blas_syrk(lapack_int n, lapack_int k, MatrixView<const double> a, MatrixView<double> out) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, k, 1.0, a.data, blas_dim(a.stride, "stride"), 0.0, out.data,
              blas_dim(out.stride, "stride"));
}

void blas_syrk(lapack_int n, lapack_int k, MatrixView<const float> a, MatrixView<float> out) {
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, k, 1.0F, a.data, blas_dim(a.stride, "stride"), 0.0F, out.data,
              blas_dim(out.stride, "stride"));
}

// out tile = a b or a bᵀ, + beta · out. BLAS would refuse the strides of empty matrices; an empty inner dimension gives
// zeros.
template <class T>
void gemm(CBLAS_TRANSPOSE transpose_b, MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> out, T beta = 0) {
  if (out.rows == 0 || out.cols == 0) return;
  if (a.cols == 0) {
    for (std::size_t i = 0; i < out.rows; ++i) std::fill_n(out.row(i), out.cols, T{});
    return;
  }
  blas_gemm(transpose_b, blas_dim(out.rows, "rows"), blas_dim(out.cols, "cols"), blas_dim(a.cols, "cols"), a, b, out,
            beta);
}

template <class T>
void gram_of(const Job& job, MatrixView<const T> a, MatrixView<T> out, bool mirrored) {
  const Tiling tiling(a.rows, a.cols, T{});
  const std::size_t n = tiling.count(a.rows);
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) pairs.emplace_back(i, j);

  parallel_for(job, pairs.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t i0 = pairs[t].first * tiling.tile, i1 = tiling.end(pairs[t].first, a.rows);
      const std::size_t j0 = pairs[t].second * tiling.tile, j1 = tiling.end(pairs[t].second, a.rows);
      const MatrixView<T> tile = out.block(i0, i1, j0, j1);
      if (i0 == j0 && a.cols > 0) {
        blas_syrk(blas_dim(tile.rows, "rows"), blas_dim(a.cols, "cols"), a.rows_from(i0, i1), tile);
      } else {
        gemm(CblasTrans, a.rows_from(i0, i1), a.rows_from(j0, j1), tile);
      }
      if (mirrored) mirror_tile(out, i0, i1, j0, j1);
    }
  });
}

template <class T>
void cross_gram_of(const Job& job, MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> out) {
  const Tiling tiling(std::max(a.rows, b.rows), a.cols, T{});
  parallel_for(job, tiling.count(a.rows) * tiling.count(b.rows), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t i0 = t / tiling.count(b.rows) * tiling.tile, i1 = std::min(a.rows, i0 + tiling.tile);
      const std::size_t j0 = t % tiling.count(b.rows) * tiling.tile, j1 = std::min(b.rows, j0 + tiling.tile);
      gemm(CblasTrans, a.rows_from(i0, i1), b.rows_from(j0, j1), out.block(i0, i1, j0, j1));
    }
  });
}

}  // namespace

void gram(const Job& job, ConstMatrix a, MutMatrix out) { gram_of(job, a, out, true); }
void gram(const Job& job, MatrixView<const float> a, MatrixView<float> out) { gram_of(job, a, out, true); }
void gram_upper(const Job& job, MatrixView<const float> a, MatrixView<float> out) { gram_of(job, a, out, false); }

void cross_gram(const Job& job, ConstMatrix a, ConstMatrix b, MutMatrix out) { cross_gram_of(job, a, b, out); }
void cross_gram(const Job& job, MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> out) {
  cross_gram_of(job, a, b, out);
}

void multiply_rows(ConstMatrix a, ConstMatrix b, MutMatrix out) { gemm(CblasTrans, a, b, out); }
void multiply_rows(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> out) {
  gemm(CblasTrans, a, b, out);
}

void transpose(const Job& job, MatrixView<const float> a, MatrixView<float> out) {
  const std::size_t from = a.stride * sizeof(float), to = out.stride * sizeof(float);
  const Stores stores = stores_for(out.rows * to);
  parallel_for(job, a.rows, kLineWords, [&](std::size_t begin, std::size_t end) {
    for (std::size_t j = 0; j < a.cols; j += kLineWords)
      transpose_words<sizeof(float)>(&a(begin, j), from, end - begin, std::min(kLineWords, a.cols - j), &out(j, begin),
                                     to, stores);
    end_streams();
  });
}

void multiply(const Job& job, ConstMatrix a, ConstMatrix b, MutMatrix out) {
  parallel_for(job, a.rows, kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t c = 0; c < b.cols; c += kCols) {
      const std::size_t c_end = std::min(b.cols, c + kCols);
      std::size_t k = 0;
      do {
        job.check();
        const std::size_t k_end = std::min(a.cols, k + kTerms);
        gemm(CblasNoTrans, a.block(begin, end, k, k_end), b.block(k, k_end, c, c_end), out.block(begin, end, c, c_end),
             k == 0 ? 0.0 : 1.0);
        k = k_end;
      } while (k < a.cols);
    }
  });
}

}  // namespace herm
