#include "kernels/mixture.h"

#include "kernels/half.h"

namespace herm {

namespace {

// Below this share of Σ λ_k ‖w_k‖ the inputs are nearly opposite and α would explode.
constexpr double kOpposite = 0.1;

}  // namespace

bool mix(const Activation& activation, const PairView& pair, Mixture& out) {
  const auto& n = pair.dev;
  if (!(n[0] > 0 && n[1] > 0)) return false;
  const bool homogeneous = activation.homogeneous();
  const auto e = dominant_mixture(pair.phi, pair.output);
  std::array<double, 2> lambda, sign{1, 1};
  for (std::size_t k = 0; k < 2; ++k) {
    lambda[k] = std::fabs(e[k]) * (homogeneous ? n[k] : 1);
    if (activation.odd() && e[k] < 0) sign[k] = -1;
  }
  const double sum = lambda[0] + lambda[1];
  if (!(sum > 0)) return false;
  std::array<double, 2> direction;
  double deviation = 0, reach = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    lambda[k] /= sum;
    direction[k] = sign[k] * lambda[k] / (homogeneous ? n[k] : 1);
    deviation += lambda[k] * n[k];
    reach += std::fabs(direction[k]) * n[k];
  }
  const double length = std::sqrt(std::max(0.0, quadratic(pair.input, direction)));
  if (!(length > kOpposite * reach)) return false;
  out.means = {0, 0, 0};
  for (std::size_t k = 0; k < 2; ++k) {
    out.alpha[k] = round_to_half(direction[k] * deviation / length);
    if (!std::isfinite(out.alpha[k]) || out.alpha[k] == 0) return false;
    out.means[0] += sign[k] * lambda[k] * pair.mean[k] * (homogeneous ? deviation / n[k] : 1);
    out.means[1] += sign[k] * lambda[k] * pair.mean[k];
    out.means[2] += out.alpha[k] * pair.mean[k];
  }
  out.dev = std::sqrt(std::max(0.0, quadratic(pair.input, out.alpha)));
  if (!(out.dev > 0)) return false;
  out.rho[0] = (out.alpha[0] * pair.input.a11 + out.alpha[1] * pair.input.a12) / n[0] / out.dev;
  out.rho[1] = (out.alpha[0] * pair.input.a12 + out.alpha[1] * pair.input.a22) / n[1] / out.dev;
  return true;
}

}  // namespace herm
