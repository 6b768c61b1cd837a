// Closed forms for one pair of neurons, from its 2×2 input Gram Φ and output Gram H (docs/theory.md, sections 3 and 4).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

namespace herm {

// A symmetric 2×2 matrix.
struct Sym2 {
  double a11 = 0, a12 = 0, a22 = 0;

  // Of a Gram matrix, whose determinant rounding can push below its true bound 0.
  double gram_determinant() const { return std::max(0.0, a11 * a22 - a12 * a12); }
};

// xᵀ A x
inline double quadratic(const Sym2& a, const std::array<double, 2>& x) {
  return x[0] * x[0] * a.a11 + 2 * x[0] * x[1] * a.a12 + x[1] * x[1] * a.a22;
}

// tr(HΦ) = ‖T‖², the squared norm of what the pair computes.
inline double pair_energy(const Sym2& phi, const Sym2& h) {
  return std::max(0.0, phi.a11 * h.a11 + 2 * phi.a12 * h.a12 + phi.a22 * h.a22);
}

// σ_2² of the pair's gates, the smaller root of λ² − tr(HΦ) λ + det H det Φ: what the best rank-one term leaves. In the
// form that does not cancel.
inline double sigma2_squared(const Sym2& phi, const Sym2& h) {
  const double energy = pair_energy(phi, h);
  if (!(energy > 0)) return 0;
  const double det = phi.gram_determinant() * h.gram_determinant();
  return 2 * det / (energy + std::sqrt(std::max(0.0, energy * energy - 4 * det)));
}

// The dominant eigenvector e of HΦ, of largest entry 1 in magnitude and that entry positive: generator 1 is ψ_1 ∝ e_1
// φ_1 + e_2 φ_2. (1, 0) where the pair computes nothing.
inline std::array<double, 2> dominant_mixture(const Sym2& phi, const Sym2& h) {
  const double m11 = h.a11 * phi.a11 + h.a12 * phi.a12, m12 = h.a11 * phi.a12 + h.a12 * phi.a22;
  const double m21 = h.a12 * phi.a11 + h.a22 * phi.a12, m22 = h.a12 * phi.a12 + h.a22 * phi.a22;
  const double lambda = pair_energy(phi, h) - sigma2_squared(phi, h);  // σ_1²
  // Either row of M − λI gives e; the longer one is the accurate one.
  std::array<double, 2> e{m12, lambda - m11};
  const std::array<double, 2> other{lambda - m22, m21};
  const auto size = [](const std::array<double, 2>& x) { return std::max(std::fabs(x[0]), std::fabs(x[1])); };
  if (size(other) > size(e)) e = other;
  const double largest = std::fabs(e[0]) >= std::fabs(e[1]) ? e[0] : e[1];
  if (!(std::fabs(largest) > 0)) return {m11 >= m22 ? 1.0 : 0.0, m11 >= m22 ? 0.0 : 1.0};
  return {e[0] / largest, e[1] / largest};
}

}  // namespace herm
