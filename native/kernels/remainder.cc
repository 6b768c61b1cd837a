#include "kernels/remainder.h"

#include <algorithm>
#include <cmath>

namespace herm {

namespace {

// Children closer to parallel than this are one direction: the larger one's.
constexpr double kParallel = 1e-10;

// g with g_1 φ_1 + g_2 φ_2 the projection of the parent on the children's plane.
std::array<double, 2> plane_weights(const Sym2& phi, const std::array<double, 2>& cross) {
  const double det = phi.gram_determinant();
  if (det > kParallel * phi.a11 * phi.a22) {
    return {(phi.a22 * cross[0] - phi.a12 * cross[1]) / det, (phi.a11 * cross[1] - phi.a12 * cross[0]) / det};
  }
  if (phi.a11 >= phi.a22) return {phi.a11 > 0 ? cross[0] / phi.a11 : 0, 0};
  return {0, cross[1] / phi.a22};
}

}  // namespace

double loss_on_child(const Remainder& remainder, std::size_t kept) {
  const Sym2& s = remainder.phi;
  const double own = kept == 0 ? s.a11 : s.a22, gone = kept == 0 ? s.a22 : s.a11;
  const double h = kept == 0 ? remainder.output.a22 : remainder.output.a11;
  const double loss = h * std::max(0.0, gone - (own > 0 ? s.a12 / own * s.a12 : 0));
  return std::isnan(loss) ? INFINITY : loss;
}

double loss_on(const Remainder& remainder, const Sym2& phi, const std::array<double, 2>& cross, double second) {
  const Sym2& s = remainder.phi;
  const auto g = plane_weights(phi, cross);
  const double beside = std::max(0.0, second - g[0] * cross[0] - g[1] * cross[1]);
  const std::array<double, 2> with{s.a11 * g[0] + s.a12 * g[1], s.a12 * g[0] + s.a22 * g[1]};
  const double own = quadratic(s, g) + beside;
  if (!(own > 0)) return INFINITY;
  const double loss = pair_energy(s, remainder.output) - quadratic(remainder.output, with) / own;
  return std::isnan(loss) ? INFINITY : std::max(0.0, loss);
}

}  // namespace herm
