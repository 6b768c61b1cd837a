#include "kernels/merge_operator.h"

#include <cmath>

#include "kernels/half.h"

namespace herm {

namespace {

// A mixture must beat absorbing by more than rounding noise of the pair's energy.
constexpr double kNoise = 1e-12;

double round_to(DType dtype, double value) {
  std::uint64_t bits = 0;
  narrow(dtype, &value, 1, &bits);
  widen(dtype, &bits, 1, &value);
  return value;
}

}  // namespace

MergeOperator::MergeOperator(const Activation& activation, const BiasFormat& bias)
    : expander_(activation, kSearchDegree), bias_(bias) {}

Parent MergeOperator::absorb_into(const PairView& pair, int kept) const {
  const double phi_kept = kept == 0 ? pair.phi.a11 : pair.phi.a22;
  const double phi_gone = kept == 0 ? pair.phi.a22 : pair.phi.a11;
  const double h_gone = kept == 0 ? pair.output.a22 : pair.output.a11;
  double exact = phi_kept > 0 ? pair.phi.a12 / phi_kept : 0;
  // β beyond half precision (or of overflowing kernels): the neuron is dropped instead, which can always be stored.
  if (!std::isfinite(round_to_half(exact))) exact = 0;
  const double stored = round_to_half(exact);
  // ‖v_gone‖² (Schur complement + what rounding β costs).
  const double left = std::max(0.0, phi_gone - exact * pair.phi.a12) + (stored - exact) * (stored - exact) * phi_kept;
  Parent parent;
  parent.cost = h_gone * left;
  parent.alpha = kept == 0 ? std::array{1.0, 0.0} : std::array{0.0, 1.0};
  parent.beta = kept == 0 ? std::array{1.0, stored} : std::array{stored, 1.0};
  parent.bias = pair.mean[static_cast<std::size_t>(kept)];
  if (std::isnan(parent.cost)) parent.cost = INFINITY;
  return parent;
}

// The parent with these inputs and the output that projects the pair's function onto it.
Parent MergeOperator::project(const PairView& pair, const Mixture& mixture, double bias, const HermiteSeries& first,
                              const HermiteSeries& second) const {
  Parent parent;
  parent.alpha = mixture.alpha;
  parent.bias = bias;
  parent.cost = INFINITY;
  thread_local HermiteSeries series;
  expander_.expand(mixture.dev, bias, series);
  if (!(series.second > 0) || !std::isfinite(series.second)) return parent;

  // Φ_kp, and β's rounding errors.
  const std::array<double, 2> cross{kernel(first, series, mixture.rho[0]), kernel(second, series, mixture.rho[1])};
  std::array<double, 2> rounding;
  for (std::size_t k = 0; k < 2; ++k) {
    const double exact = cross[k] / series.second;
    parent.beta[k] = round_to_half(exact);
    rounding[k] = parent.beta[k] - exact;
    if (!std::isfinite(parent.beta[k])) return parent;
  }
  if (parent.beta[0] == 0 && parent.beta[1] == 0) return parent;
  const Sym2 left{pair.phi.a11 - cross[0] * cross[0] / series.second,
                  pair.phi.a12 - cross[0] * cross[1] / series.second,
                  pair.phi.a22 - cross[1] * cross[1] / series.second};
  const double cost = pair_energy(left, pair.output) + series.second * quadratic(pair.output, rounding);
  if (!std::isnan(cost)) parent.cost = cost;
  return parent;
}

Parent MergeOperator::best(const PairView& pair, const HermiteSeries& first, const HermiteSeries& second) const {
  Parent best = absorb_into(pair, 0);
  const Parent other = absorb_into(pair, 1);
  if (other.cost < best.cost) best = other;
  Mixture mixture;
  if (!mix(expander_.activation(), pair, mixture)) return best;
  const auto& means = mixture.means;
  double to_beat = best.cost - kNoise * pair_energy(pair.phi, pair.output);
  for (std::size_t c = 0; c < means.size(); ++c) {
    const double bias = bias_.present ? round_to(bias_.dtype, means[c]) : 0;
    const bool tried = (c > 0 && means[c] == means[0]) || (c > 1 && means[c] == means[1]);
    if (tried || !std::isfinite(bias)) continue;
    const Parent parent = project(pair, mixture, bias, first, second);
    if (parent.cost < to_beat) {
      best = parent;
      to_beat = parent.cost;
    }
  }
  return best;
}

}  // namespace herm
