#include "kernels/merge_operator.h"

#include <cmath>

namespace herm {

namespace {

// A mixture must beat absorbing by more than rounding noise of the pair's energy.
constexpr double kNoise = 1e-12;
// Below this share of Σ λ_k ‖w_k‖ the inputs are nearly opposite and α would explode.
constexpr double kOpposite = 0.1;

double half(double value) { return from_half(to_half(value)); }

double round_to(DType dtype, double value) {
  std::uint64_t bits = 0;
  narrow(dtype, &value, 1, &bits);
  widen(dtype, &bits, 1, &value);
  return value;
}

// xᵀ A x
double quadratic(const Sym2& a, const std::array<double, 2>& x) {
  return x[0] * x[0] * a.a11 + 2 * x[0] * x[1] * a.a12 + x[1] * x[1] * a.a22;
}

double correlation(double dot, double n, double m) { return n > 0 && m > 0 ? dot / n / m : 0; }

}  // namespace

std::uint16_t to_half(double value) {
  std::uint16_t bits;
  narrow(DType::F16, &value, 1, &bits);
  return bits;
}

double from_half(std::uint16_t bits) {
  double value;
  widen(DType::F16, &bits, 1, &value);
  return value;
}

MergeOperator::MergeOperator(const Activation& activation, const BiasFormat& bias)
    : expander_(activation, kSearchDegree), bias_(bias) {}

Parent MergeOperator::absorb_into(const PairView& pair, int kept) const {
  const double phi_kept = kept == 0 ? pair.phi.a11 : pair.phi.a22;
  const double phi_gone = kept == 0 ? pair.phi.a22 : pair.phi.a11;
  const double h_gone = kept == 0 ? pair.output.a22 : pair.output.a11;
  const double exact = phi_kept > 0 ? pair.phi.a12 / phi_kept : 0;
  const double stored = half(exact);
  // ‖v_gone‖² (Schur complement + what rounding β costs).
  const double left = std::max(0.0, phi_gone - exact * pair.phi.a12) + (stored - exact) * (stored - exact) * phi_kept;
  Parent parent;
  parent.cost = h_gone * left;
  parent.alpha = kept == 0 ? std::array{1.0, 0.0} : std::array{0.0, 1.0};
  parent.beta = kept == 0 ? std::array{1.0, stored} : std::array{stored, 1.0};
  parent.bias = pair.mean[static_cast<std::size_t>(kept)];
  if (!std::isfinite(stored) || std::isnan(parent.cost)) parent.cost = INFINITY;
  return parent;
}

Parent MergeOperator::absorb(const PairView& pair) const {
  const Parent first = absorb_into(pair, 0);
  const Parent second = absorb_into(pair, 1);
  return second.cost < first.cost ? second : first;
}

// α of the mixture and the candidates for its mean; false where there is none to try.
bool MergeOperator::mixture(const PairView& pair, std::array<double, 2>& alpha, std::array<double, 3>& means) const {
  const Activation& phi = expander_.activation();
  const auto& n = pair.dev;
  if (!(n[0] > 0 && n[1] > 0)) return false;
  const auto e = dominant_mixture(pair.phi, pair.output);
  std::array<double, 2> lambda, sign{1, 1};
  for (std::size_t k = 0; k < 2; ++k) {
    lambda[k] = std::fabs(e[k]) * (phi.homogeneous() ? n[k] : 1);
    if (phi.odd() && e[k] < 0) sign[k] = -1;
  }
  const double sum = lambda[0] + lambda[1];
  if (!(sum > 0)) return false;
  std::array<double, 2> direction;
  double deviation = 0, reach = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    lambda[k] /= sum;
    direction[k] = sign[k] * lambda[k] / (phi.homogeneous() ? n[k] : 1);
    deviation += lambda[k] * n[k];
    reach += std::fabs(direction[k]) * n[k];
  }
  const double length = std::sqrt(std::max(0.0, quadratic(pair.input, direction)));
  if (!(length > kOpposite * reach)) return false;
  means = {0, 0, 0};
  for (std::size_t k = 0; k < 2; ++k) {
    alpha[k] = half(direction[k] * deviation / length);
    if (!std::isfinite(alpha[k])) return false;
    means[0] += sign[k] * lambda[k] * pair.mean[k] * (phi.homogeneous() ? deviation / n[k] : 1);
    means[1] += sign[k] * lambda[k] * pair.mean[k];
    means[2] += alpha[k] * pair.mean[k];
  }
  return alpha[0] != 0 && alpha[1] != 0;
}

// The parent with these inputs and the output that projects the pair's function onto it.
Parent MergeOperator::project(const PairView& pair, const std::array<double, 2>& alpha, double bias) const {
  Parent parent;
  parent.alpha = alpha;
  parent.bias = bias;
  parent.cost = INFINITY;
  thread_local HermiteSeries series;
  const double dev = std::sqrt(std::max(0.0, quadratic(pair.input, alpha)));
  expander_.expand(dev, bias, series);
  if (!(series.second > 0) || !std::isfinite(series.second)) return parent;

  const std::array<double, 2> dot{alpha[0] * pair.input.a11 + alpha[1] * pair.input.a12,
                                  alpha[0] * pair.input.a12 + alpha[1] * pair.input.a22};
  std::array<double, 2> cross, rounding;  // Φ_kp, and β's rounding errors
  for (std::size_t k = 0; k < 2; ++k) {
    cross[k] = kernel(*pair.series[k], series, correlation(dot[k], pair.dev[k], dev));
    const double exact = cross[k] / series.second;
    parent.beta[k] = half(exact);
    rounding[k] = parent.beta[k] - exact;
    if (!std::isfinite(parent.beta[k])) return parent;
  }
  if (parent.beta[0] == 0 && parent.beta[1] == 0) return parent;
  const Sym2 left{pair.phi.a11 - cross[0] * cross[0] / series.second, pair.phi.a12 - cross[0] * cross[1] / series.second,
                  pair.phi.a22 - cross[1] * cross[1] / series.second};
  const double cost = pair_energy(left, pair.output) + series.second * quadratic(pair.output, rounding);
  if (!std::isnan(cost)) parent.cost = cost;
  return parent;
}

Parent MergeOperator::best(const PairView& pair) const {
  Parent best = absorb(pair);
  std::array<double, 2> alpha;
  std::array<double, 3> means;
  if (!mixture(pair, alpha, means)) return best;
  double to_beat = best.cost - kNoise * pair_energy(pair.phi, pair.output);
  for (std::size_t c = 0; c < means.size(); ++c) {
    const double bias = bias_.present ? round_to(bias_.dtype, means[c]) : 0;
    const bool tried = (c > 0 && means[c] == means[0]) || (c > 1 && means[c] == means[1]);
    if (tried || !std::isfinite(bias)) continue;
    const Parent parent = project(pair, alpha, bias);
    if (parent.cost < to_beat) {
      best = parent;
      to_beat = parent.cost;
    }
  }
  return best;
}

}  // namespace herm
