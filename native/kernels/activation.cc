#include "kernels/activation.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

}  // namespace

bool bend_is_odd(ActivationKind kind) {
  return kind == ActivationKind::Identity || kind == ActivationKind::Relu2 || kind == ActivationKind::Tanh ||
         kind == ActivationKind::Sigmoid;
}

double Activation::operator()(double x) const {
  return with_activation(*this, [x](const auto& phi) -> double { return phi(x); });
}

bool Activation::homogeneous() const {
  return kind == ActivationKind::Identity || kind == ActivationKind::Relu || kind == ActivationKind::LeakyRelu;
}

bool Activation::odd() const {
  return kind == ActivationKind::Identity || kind == ActivationKind::Tanh ||
         (kind == ActivationKind::LeakyRelu && slope == 1);
}

HermiteExpander::HermiteExpander(const Activation& activation, std::size_t degree)
    : activation_(activation), basis_(degree) {
  if (degree % 2 != 0) throw std::invalid_argument("the degree of a Hermite expansion must be even");
}

ParityMoments HermiteExpander::expand_moments(double n, double mu, double* c) const {
  if (has_closed_expansion(activation_.kind)) return expand_closed(activation_, basis_, n, mu, c);
  if (activation_.kind == ActivationKind::Gelu && has_gelu_expansion(n, mu)) return expand_gelu(basis_, n, mu, c);
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
  const bool flip = mu < 0;
  return {moments.second, flip && bend_is_odd(activation_.kind) ? -even_tail : even_tail,
          flip && !bend_is_odd(activation_.kind) ? -odd_tail : odd_tail};
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
