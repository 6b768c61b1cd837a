#include "kernels/projection.h"

#include <cmath>

#include "kernels/half.h"

namespace herm {

Projection project_on(const Sym2& phi, const Sym2& output, const std::array<double, 2>& cross, double second) {
  const Projection refused{INFINITY, {0, 0}};
  if (!(second > 0) || !std::isfinite(second)) return refused;
  Projection result = refused;
  std::array<double, 2> rounding;
  for (std::size_t k = 0; k < 2; ++k) {
    const double exact = cross[k] / second;
    result.beta[k] = round_to_half(exact);
    rounding[k] = result.beta[k] - exact;
    if (!std::isfinite(result.beta[k])) return refused;
  }
  if (result.beta[0] == 0 && result.beta[1] == 0) return refused;
  const Sym2 left{phi.a11 - cross[0] * cross[0] / second, phi.a12 - cross[0] * cross[1] / second,
                  phi.a22 - cross[1] * cross[1] / second};
  const double cost = pair_energy(left, output) + second * quadratic(output, rounding);
  if (!std::isnan(cost)) result.cost = cost;
  return result;
}

Projection project_on_child(const Sym2& phi, const Sym2& output, std::size_t kept) {
  const double phi_kept = kept == 0 ? phi.a11 : phi.a22;
  const double phi_gone = kept == 0 ? phi.a22 : phi.a11;
  const double h_gone = kept == 0 ? output.a22 : output.a11;
  double exact = phi_kept > 0 ? phi.a12 / phi_kept : 0;
  if (!std::isfinite(round_to_half(exact))) exact = 0;  // β beyond half precision, or overflowing kernels
  const double stored = round_to_half(exact);
  // ‖v_gone‖² (Schur complement + what rounding β costs).
  const double left = std::max(0.0, phi_gone - exact * phi.a12) + (stored - exact) * (stored - exact) * phi_kept;
  const double cost = h_gone * left;
  return {std::isnan(cost) ? INFINITY : cost, kept == 0 ? std::array{1.0, stored} : std::array{stored, 1.0}};
}

}  // namespace herm
