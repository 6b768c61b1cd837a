// Dense factorisations by LAPACK with the rank decisions that SCA and GID share. Every result is deterministic for one
// machine and thread count; inputs must be finite (require_finite).
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/matrix_view.h"

namespace herm {

// Throws KernelError NON_FINITE, naming the matrix, where an entry is NaN or infinite.
void require_finite(ConstMatrix matrix, const char* name);

struct Svd {
  std::vector<double> values;  // [k], descending; k = min(rows, cols)
  Matrix left;                 // [rows×k], vectors as columns; empty where only values were asked for
  Matrix right;                // [k×cols], vectors as rows; empty likewise
};

enum class SvdVectors { None, Both };

// Thin singular value decomposition by gesdd, and by gesvd where that does not converge.
// Throws KernelError NATIVE if neither does, std::length_error where LAPACK's 32-bit sizes are too small.
Svd svd(ConstMatrix a, SvdVectors vectors);

// An orthonormal basis of the span of the rows of a [g×d], as rows [r×d]. QR with column pivoting; rank r counts the
// pivots above max(g, d)·ε·(the first pivot), so scale the rows alike first.
Matrix row_space(ConstMatrix a);

// Cholesky with complete pivoting of a positive semidefinite a [g×g] with diagonal entries of like size: a = Fᵀ F with
// F [r×g] (not triangular: the pivoting is undone). Rank r counts the pivots above g·ε·max diagonal.
Matrix semidefinite_factor(ConstMatrix a);

}  // namespace herm
