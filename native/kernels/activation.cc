#include "kernels/activation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "kernels/activation_functions.h"
#include "kernels/bend_kernel.h"
#include "kernels/gelu_expansion.h"
#include "kernels/hermite_closed.h"
#include "kernels/hermite_quadrature.h"
#include "kernels/kernel_tail.h"

namespace herm {

namespace {

// Σ over k = first, first + 2, … of c_k².
double energy(const double* c, std::size_t degree, std::size_t first) {
  double sum = 0;
  for (std::size_t k = first; k <= degree; k += 2) sum += c[k] * c[k];
  return sum;
}

// √(total − known), or 0 where only rounding is left of it.
double remainder(double total, double known, double second) {
  const double left = total - known;
  return left > 64 * std::numeric_limits<double>::epsilon() * second ? std::sqrt(left) : 0;
}

// Of a plain activation.
ActivationShape shape_of(ActivationKind kind, double slope) {
  constexpr double pi = std::numbers::pi;
  switch (kind) {
    case ActivationKind::Identity:
      return {.bend = Bend::Odd, .odd = true, .power = 1, .radius = std::numeric_limits<double>::infinity()};
    case ActivationKind::Relu:
      return {.bend = Bend::Even, .power = 1, .broken = true};
    case ActivationKind::LeakyRelu:
      return {.bend = Bend::Even, .odd = slope == 1, .power = 1, .broken = true};
    case ActivationKind::Relu2:
      return {.bend = Bend::Odd, .power = 2, .broken = true};
    case ActivationKind::Gelu:
      return {.bend = Bend::Even, .radius = 3};  // entire; small enough up to there
    case ActivationKind::GeluTanh:
      return {.bend = Bend::Even, .radius = 2.7};
    case ActivationKind::QuickGelu:
      return {.bend = Bend::Even, .radius = pi / 1.702};
    case ActivationKind::Silu:
      return {.bend = Bend::Even, .radius = pi};
    case ActivationKind::Tanh:
      return {.bend = Bend::Odd, .odd = true, .radius = pi / 2};
    case ActivationKind::Sigmoid:
      return {.bend = Bend::Odd, .radius = pi / std::fabs(slope)};
    case ActivationKind::Relu6:
      return {.knots = {0, 6}, .broken = true};
    case ActivationKind::HardTanh:
      return {.bend = Bend::Odd, .odd = true, .knots = {-1, 1}, .broken = true};
    case ActivationKind::HardSigmoid:
      return {.bend = Bend::Odd, .knots = {-0.5 / slope, 0.5 / slope}, .broken = true};
    case ActivationKind::HardSwish:
      return {.bend = Bend::Even, .knots = {-3, 3}, .broken = true};
    case ActivationKind::Elu:
    case ActivationKind::Selu:
      return {.broken = true, .radius = 1};
    case ActivationKind::Softplus:
      return {.bend = Bend::Even, .radius = pi};
    case ActivationKind::Mish:
      return {.radius = 0.75 * pi};  // e^x = −1 ± i at the poles
  }
  throw std::invalid_argument("unknown activation");
}

}  // namespace

double Activation::operator()(double x) const {
  return with_activation(*this, [x](const auto& phi) -> double { return phi(x); });
}

ActivationShape Activation::shape() const {
  ActivationShape shape = shape_of(kind, slope);
  if (plain()) return shape;
  for (double& knot : shape.knots) knot = (knot - inner.shift) / inner.scale;
  shape.radius /= std::fabs(inner.scale);
  if (inner.shift != 0) shape.bend = Bend::Neither;
  if (inner.shift != 0 || outer.shift != 0) {
    shape.odd = false;
    shape.power = 0;
  }
  return shape;
}

HermiteExpander::HermiteExpander(const Activation& activation, std::size_t degree)
    : activation_(activation), basis_(degree) {
  if (degree % 2 != 0) throw std::invalid_argument("the degree of a Hermite expansion must be even");
}

ParityMoments HermiteExpander::expand_moments(double n, double mu, double* c) const {
  if (has_closed_expansion(activation_)) return expand_closed(activation_, basis_, n, mu, c);
  if (activation_.kind == ActivationKind::Gelu && activation_.plain() && has_gelu_expansion(n, mu))
    return expand_gelu(basis_, n, mu, c);
  return expand_by_quadrature(activation_, basis_, n, mu, c);
}

HermiteExpander::Moments HermiteExpander::expand(double n, double mu, double* c) const {
  if (!std::isfinite(n) || !std::isfinite(mu)) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::fill_n(c, degree() + 1, nan);
    return {nan, nan, nan};
  }
  if (n == 0) {
    std::fill_n(c, degree() + 1, 0.0);
    c[0] = activation_(mu);
    return {c[0] * c[0], 0, 0};
  }
  const ParityMoments moments = expand_moments(n, mu, c);
  const double even = 0.5 * (moments.second + moments.mirrored), odd = 0.5 * (moments.second - moments.mirrored);
  const double even_tail = remainder(even, energy(c, degree(), 0), moments.second);
  const double odd_tail = remainder(odd, energy(c, degree(), 1), moments.second);
  const Bend bend = activation_.shape().bend;
  return {moments.second, mu < 0 && bend == Bend::Odd ? -even_tail : even_tail,
          mu < 0 && bend == Bend::Even ? -odd_tail : odd_tail};
}

void HermiteExpander::expand(double n, double mu, HermiteSeries& series) const {
  series.activation = activation_;
  series.dev = n;
  series.mean = mu;
  series.c.resize(degree() + 1);
  const Moments moments = expand(n, mu, series.c.data());
  series.second = moments.second;
  series.even_tail = moments.even_tail;
  series.odd_tail = moments.odd_tail;
}

HermiteSeries HermiteExpander::expand(double n, double mu) const {
  HermiteSeries series;
  expand(n, mu, series);
  return series;
}

double kernel(const HermiteSeries& a, const HermiteSeries& b, double rho) {
  rho = std::clamp(rho, -1.0, 1.0);
  const std::size_t degree = a.c.size() - 1;
  if (has_bend_kernel(a.activation) && std::fabs(rho) > bend_threshold(degree)) {
    const Preactivation i{a.dev, a.mean}, j{b.dev, b.mean};
    if (i.bend_in_sight() && j.bend_in_sight()) return bend_kernel(a.activation, i, j, rho);
  }
  double sum = 0;
  for (std::size_t k = degree + 1; k-- > 0;) sum = sum * rho + a.c[k] * b.c[k];
  return sum + kernel_tail(a.even_tail * b.even_tail, a.odd_tail * b.odd_tail, rho, odd_power(rho, degree + 1));
}

}  // namespace herm
