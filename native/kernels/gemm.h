// One call of BLAS-3, for callers that cut their matrices themselves; gram.h cuts whole matrices into tiles.
#pragma once

#include <algorithm>

#include "kernels/blas.h"
#include "kernels/matrix_view.h"

namespace herm {

// out = a bᵀ, [m×k] from a [m×n] and b [k×n].
inline void multiply_rows(ConstMatrix a, ConstMatrix b, MutMatrix out) {
  if (out.rows == 0 || out.cols == 0) return;
  if (a.cols == 0) {  // BLAS would refuse the strides
    for (std::size_t i = 0; i < out.rows; ++i) std::fill_n(out.row(i), out.cols, 0.0);
    return;
  }
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas_dim(out.rows, "rows"), blas_dim(out.cols, "cols"),
              blas_dim(a.cols, "cols"), 1.0, a.data, blas_dim(a.stride, "stride"), b.data, blas_dim(b.stride, "stride"),
              0.0, out.data, blas_dim(out.stride, "stride"));
}

}  // namespace herm
