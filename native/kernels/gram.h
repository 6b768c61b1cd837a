// Gram matrices by BLAS-3, in fixed tiles, each by single-threaded BLAS: the bits do not depend on the thread count.
#pragma once

#include "kernels/job.h"
#include "kernels/matrix_view.h"

namespace herm {

// out = a aᵀ, [m×m] from a [m×n]: SYRK on the diagonal tiles, GEMM above, mirrored below.
void gram(const Job& job, ConstMatrix a, MutMatrix out);
void gram(const Job& job, MatrixView<const float> a, MatrixView<float> out);
// Not mirrored: the BLAS calls alone.
void gram_upper(const Job& job, MatrixView<const float> a, MatrixView<float> out);

// out = a bᵀ, [m×k] from a [m×n] and b [k×n].
void cross_gram(const Job& job, ConstMatrix a, ConstMatrix b, MutMatrix out);
void cross_gram(const Job& job, MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> out);

// out = a bᵀ in one BLAS call, for callers that cut their matrices themselves.
void multiply_rows(ConstMatrix a, ConstMatrix b, MutMatrix out);
void multiply_rows(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> out);

// out = aᵀ
void transpose(const Job& job, MatrixView<const float> a, MatrixView<float> out);

// out = a b, [m×n] from a [m×k] and b [k×n].
void multiply(const Job& job, ConstMatrix a, ConstMatrix b, MutMatrix out);

}  // namespace herm
