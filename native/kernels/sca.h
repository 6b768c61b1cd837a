// Structural component analysis: the orthonormal basis of the span of some neurons' joint weights z_i = (w_i, b_i, v_i)
// that is orthogonal in the input space and in the output space as well (docs/theory.md, section 2).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/job.h"
#include "kernels/matrix_view.h"

namespace herm {

struct Sca {
  std::size_t rank = 0;  // r, the dimension of the span
  Matrix basis;          // [r×d], components as rows, by falling input share; the largest entry of each is positive
  std::vector<double> shares;  // [r], τ_k = ‖input part of component k‖²
  std::vector<double>
      angles;          // [r], principal angles to the input space, 0 … π/2: arccos √τ_k, exact where they are small
  Matrix coordinates;  // [g×r]: z_i = Σ_k coordinates(i, k) · component k
};

// SCA of the g rows of z [g×d], whose first `inputs` columns are the input part (a bias is one of them). The scale of a
// neuron does not change the span, so it does not change the rank decision either: rows are normalised first.
// Throws KernelError NON_FINITE.
Sca sca(const Job& job, ConstMatrix z, std::size_t inputs);

// The two components of a pair; NaN where the pair spans fewer.
struct PairShares {
  std::array<double, 2> shares;
  std::array<double, 2> angles;
};

// Shares and angles of the pairs (pairs[2k], pairs[2k+1]) of rows of z [m×d], into shares [P×2] and angles [P×2]. From
// Gram entries in closed form, and from the vectors where nearly parallel parts would cost digits. Rescales the rows of
// z. Throws KernelError NON_FINITE, std::invalid_argument where an index is not below m.
void sca_pairs(const Job& job, MutMatrix z, std::size_t inputs, const std::uint32_t* pairs, std::size_t count,
               double* shares, double* angles);

}  // namespace herm
