#include "kernels/hermite_closed.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "kernels/normal_moments.h"

namespace herm {

namespace {

// c_0 … of a polynomial's expansion, cut at the degree.
void set_low(const HermiteBasis& basis, double* c, std::initializer_list<double> low) {
  const std::size_t count = basis.degree() + 1;
  std::fill_n(c, count, 0.0);
  std::copy_n(low.begin(), std::min(count, low.size()), c);
}

// c_k for k >= order, where φ's derivative of that order is `jump` times a delta at t0: integrating by parts leaves
// jump · density(t0) · h_{k−order}(t0) · √((k−order)!/k!). The density comes in two halves, as e^{−t0²/4} h_k(t0) is
// bounded.
void set_bend(const HermiteBasis& basis, std::size_t order, double t0, double jump, double* c) {
  const double half = std::exp(-0.25 * t0 * t0);
  const double scale = jump * kInvSqrt2Pi * half;
  const double* alpha = basis.alpha();
  const double* beta = basis.beta();
  double previous = 0, current = half;
  for (std::size_t k = order; k <= basis.degree(); ++k) {
    double factor = scale;
    for (std::size_t i = 0; i < order; ++i) factor *= alpha[k - 1 - i];
    c[k] = factor * current;
    const double next = alpha[k - order] * t0 * current - beta[k - order] * previous;
    previous = current;
    current = next;
  }
}

// E[(a² − t²); |t| < |a|] and E[(a² − t²)²; |t| < |a|].
struct BetweenBends {
  double linear, quadratic;
};

BetweenBends between_bends(double a, double density) {
  a = std::fabs(a);
  const double m0 = std::erf(a * 0.70710678118654752440);
  const double m2 = m0 - 2 * a * density;
  const double m4 = 3 * m2 - 2 * a * a * a * density;
  return {a * a * m0 - m2, a * a * (a * a * m0 - 2 * m2) + m4};
}

ParityMoments identity(const HermiteBasis& basis, double n, double mu, double* c) {
  set_low(basis, c, {mu, n});
  return {mu * mu + n * n, mu * mu - n * n};
}

// φ(x) = x for x > 0, slope·x below. In units of n: t + a.
ParityMoments piecewise_linear(double slope, const HermiteBasis& basis, double n, double mu, double* c) {
  const double a = mu / n;
  if (std::fabs(a) > kFarBend) {
    const double factor = a > 0 ? 1 : slope;
    return identity(basis, factor * n, factor * mu, c);
  }
  const PartialMoments right = partial_moments(a);
  const PartialMoments left = slope == 0 ? PartialMoments{} : partial_moments(-a);
  const double mean = right.p[1] - slope * left.p[1];
  const double rise = right.p[0] + slope * left.p[0];
  set_low(basis, c, {n * mean, n * rise});
  set_bend(basis, 2, -a, n * (1 - slope), c);

  const double second = 2 * (right.p[2] + slope * slope * left.p[2]);
  // Between the bends of the two mirror images both are on the same side; elsewhere they are on opposite sides.
  const double inner = between_bends(a, right.density).linear;
  const double side = a > 0 ? 1 : slope;
  const double mirrored = side * side * inner + slope * (a * a - 1 - inner);
  return {n * n * second, n * n * mirrored};
}

ParityMoments relu2(const HermiteBasis& basis, double n, double mu, double* c) {
  const double a = mu / n, n2 = n * n;
  if (a < -kFarBend) {
    set_low(basis, c, {0});
    return {0, 0};
  }
  if (a > kFarBend) {
    const double mu2 = mu * mu;
    set_low(basis, c, {mu2 + n2, 2 * mu * n, std::sqrt(2.0) * n2});
    return {mu2 * mu2 + 6 * mu2 * n2 + 3 * n2 * n2, mu2 * mu2 - 2 * mu2 * n2 + 3 * n2 * n2};
  }
  const PartialMoments right = partial_moments(a);
  set_low(basis, c, {2 * n2 * right.p[2], 2 * n2 * right.p[1], std::sqrt(2.0) * n2 * right.p[0]});
  set_bend(basis, 3, -a, 2 * n2, c);
  const double mirrored = a > 0 ? between_bends(a, right.density).quadratic : 0;
  return {n2 * n2 * 24 * right.p[4], n2 * n2 * mirrored};
}

}  // namespace

bool has_closed_expansion(const Activation& activation) {
  const ActivationKind kind = activation.kind;
  return activation.plain() && (kind == ActivationKind::Identity || kind == ActivationKind::Relu ||
                                kind == ActivationKind::LeakyRelu || kind == ActivationKind::Relu2);
}

ParityMoments expand_closed(const Activation& activation, const HermiteBasis& basis, double n, double mu, double* c) {
  switch (activation.kind) {
    case ActivationKind::Identity:
      return identity(basis, n, mu, c);
    case ActivationKind::Relu:
      return piecewise_linear(0, basis, n, mu, c);
    case ActivationKind::LeakyRelu:
      return piecewise_linear(activation.slope, basis, n, mu, c);
    case ActivationKind::Relu2:
      return relu2(basis, n, mu, c);
    default:
      throw std::invalid_argument("the activation has no closed Hermite expansion");
  }
}

}  // namespace herm
