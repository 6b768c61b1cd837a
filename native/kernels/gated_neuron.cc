#include "kernels/gated_neuron.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/activation_functions.h"
#include "kernels/hermite_quadrature.h"
#include "kernels/kernel_tail.h"

namespace herm {

namespace {

// Of ψ = φ(n t + μ), t ~ N(0, 1), and its mirror image ψ′ = φ(−n t + μ).
struct GateMoments {
  double second;              // E ψ²
  double mirrored;            // E ψψ′
  double linear;              // E tψ²
  double quadratic;           // E t²ψ²
  double quadratic_mirrored;  // E t²ψψ′
};

GateMoments gate_moments(const Activation& activation, std::size_t degree, double n, double mu) {
  if (n == 0) {
    const double square = activation(mu) * activation(mu);
    return {square, square, 0, square, square};
  }
  thread_local MirroredRule rule;
  mirrored_rule(activation, degree, n, mu, rule);
  GateMoments sum{};
  with_activation(activation, [&](const auto& phi) {
    for (std::size_t q = 0; q < rule.t.size(); ++q) {
      const double t = rule.t[q], w = rule.weight[q];
      const double right = phi(mu + n * t), left = phi(mu - n * t);
      const double squares = w * (right * right + left * left), product = 2 * w * right * left;
      sum.second += squares;
      sum.mirrored += product;
      sum.linear += w * t * (right * right - left * left);
      sum.quadratic += t * t * squares;
      sum.quadratic_mirrored += t * t * product;
    }
  });
  return sum;
}

// What the coefficients up to degree D leave of one parity's energies.
struct Remainders {
  double plain;  // √ of φ's
  double along;  // tφ's component along φ's remainder
  double across;
};

// `b` and `tb`: coefficients of φ and tφ.
Remainders remainders(const GateMoments& moments, const double* b, const double* tb, std::size_t degree, bool odd) {
  const double sign = odd ? -1 : 1;
  double plain = 0.5 * (moments.second + sign * moments.mirrored);
  // tφ has the other parity's part of φ.
  double times = 0.5 * (moments.quadratic - sign * moments.quadratic_mirrored);
  double cross = 0.5 * moments.linear;
  for (std::size_t k = odd; k <= degree; k += 2) {
    plain -= b[k] * b[k];
    times -= tb[k] * tb[k];
    cross -= b[k] * tb[k];
  }
  constexpr double kNoise = 64 * std::numeric_limits<double>::epsilon();
  times = times > kNoise * moments.quadratic ? times : 0;
  if (!(plain > kNoise * moments.second)) return {0, 0, std::sqrt(times)};
  plain = std::sqrt(plain);
  const double limit = std::sqrt(times), along = std::clamp(cross / plain, -limit, limit);
  return {plain, along, std::sqrt(std::max(0.0, times - along * along))};
}

GatedSeries::Tail tail_of(const Remainders& left, double plain_sign, double times_sign, const GatedNeuron& neuron,
                          double slope) {
  // The cross moment knows the sign of φ's remainder; only the part across is a matter of convention.
  const double plain = plain_sign * left.plain, along = plain_sign * left.along, across = times_sign * left.across;
  return {plain, {neuron.value_mean * plain + slope * along, slope * across}};
}

void fill(GatedSeries& series, std::size_t count, double value) {
  series.a.assign(count, value);
  series.b.assign(count, value);
  series.da.assign(count, value);
  series.db.assign(count, value);
}

double dot(const std::array<double, 2>& x, const std::array<double, 2>& y) { return x[0] * y[0] + x[1] * y[1]; }

}  // namespace

GatedExpander::GatedExpander(const Activation& activation, std::size_t degree) : gate_(activation, degree + 2) {}

void GatedExpander::expand(const GatedNeuron& neuron, GatedSeries& series) const {
  const double n = neuron.gate_dev, mu = neuron.gate_mean, beta = neuron.value_mean;
  const std::size_t top = degree(), count = top + 1;
  series.activation = activation();
  series.dev = n;
  series.mean = mu;
  series.even = series.odd = {};
  const bool finite = std::isfinite(n) && std::isfinite(mu) && std::isfinite(beta) && std::isfinite(neuron.cross) &&
                      std::isfinite(neuron.value);
  if (!finite) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    fill(series, count, nan);
    series.slope = series.second = nan;
    return;
  }
  const double r = n > 0 ? neuron.cross / n : 0;
  const double rest = std::max(0.0, neuron.value - r * r);
  series.slope = r;
  fill(series, count, 0);
  thread_local std::vector<double> b, tb;
  b.resize(count + 2);
  tb.resize(count + 1);
  gate_.expand(n, mu, b.data());
  // t h_k = √(k+1) h_{k+1} + √k h_{k−1}
  for (std::size_t k = 0; k <= count; ++k) {
    const double low = k > 0 ? std::sqrt(static_cast<double>(k)) * b[k - 1] : 0;
    tb[k] = n > 0 ? low + std::sqrt(static_cast<double>(k + 1)) * b[k + 1] : 0;
  }
  for (std::size_t k = 0; k < count; ++k) {
    const double root = std::sqrt(static_cast<double>(k + 1));
    series.a[k] = beta * b[k] + r * tb[k];
    series.b[k] = b[k];
    series.da[k] = root * (beta * b[k + 1] + r * tb[k + 1]);
    series.db[k] = root * b[k + 1];
  }
  const GateMoments moments = gate_moments(activation(), gate_.degree(), n, mu);
  series.second = (beta * beta + rest) * moments.second + 2 * beta * r * moments.linear + r * r * moments.quadratic;
  if (n == 0) return;
  // The signs make a neuron and its mirror image (μ and −μ) exact at ρ = −1 too: high coefficients of φ differ in sign
  // at the degrees of one parity, those of tφ at the other's.
  const Bend bend = activation().shape().bend;
  const double even_sign = mu < 0 && bend == Bend::Odd ? -1 : 1, odd_sign = mu < 0 && bend == Bend::Even ? -1 : 1;
  series.even = tail_of(remainders(moments, b.data(), tb.data(), top, false), even_sign, odd_sign, neuron, r);
  series.odd = tail_of(remainders(moments, b.data(), tb.data(), top, true), odd_sign, even_sign, neuron, r);
}

GatedSeries GatedExpander::expand(const GatedNeuron& neuron) const {
  GatedSeries series;
  expand(neuron, series);
  return series;
}

double kernel(const GatedSeries& i, const GatedSeries& j, const GatedGram& gram) {
  const double product = i.dev * j.dev;
  const double rho = product > 0 ? std::clamp(gram.gate / product, -1.0, 1.0) : 0;
  // Covariances of each value with the other's t, and of what is left of the values.
  const double cross_ij = i.dev > 0 ? gram.gate_value / i.dev : 0, cross_ji = j.dev > 0 ? gram.value_gate / j.dev : 0;
  const double tau_ij = cross_ij - j.slope * rho, tau_ji = cross_ji - i.slope * rho;
  const double kappa = gram.value - (j.slope * cross_ji + i.slope * cross_ij) + i.slope * j.slope * rho;
  const double tau2 = tau_ij * tau_ji;

  double sum = 0;
  for (std::size_t k = i.a.size(); k-- > 0;) {
    const double mixed = (tau_ij * i.da[k]) * j.b[k] + (tau_ji * j.da[k]) * i.b[k];
    const double plain = i.a[k] * j.a[k] + kappa * (i.b[k] * j.b[k]) + tau2 * (i.db[k] * j.db[k]);
    sum = sum * rho + (plain + mixed);
  }
  const double even = dot(i.even.a, j.even.a) + kappa * (i.even.b * j.even.b);
  const double odd = dot(i.odd.a, j.odd.a) + kappa * (i.odd.b * j.odd.b);
  return sum + kernel_tail(even, odd, rho, odd_power(rho, i.a.size()));
}

}  // namespace herm
