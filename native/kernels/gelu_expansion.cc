#include "kernels/gelu_expansion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "kernels/gauss_legendre.h"
#include "kernels/normal_moments.h"

namespace herm {

namespace {

double density(double x, double variance) {
  return kInvSqrt2Pi / std::sqrt(variance) * std::exp(-0.5 * x * x / variance);
}
double distribution(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }

// Owen's T(h, a) = 1/2π ∫_0^a e^{−h²(1+x²)/2}/(1+x²) dx for 0 <= a <= 1.
double owen_integral(double h, double a) {
  const double half = 0.5 * a;
  double sum = 0;
  for (std::size_t q = 0; q < kGaussNode.size(); ++q) {
    for (const double node : {-kGaussNode[q], kGaussNode[q]}) {
      const double x = half * (1 + node), x2 = 1 + x * x;
      sum += kGaussWeight[q] * std::exp(-0.5 * h * h * x2) / x2;
    }
  }
  return 0.5 * std::numbers::inv_pi * half * sum;
}

double owen(double h, double a) {
  h = std::fabs(h);
  if (a <= 1) return owen_integral(h, a);
  const double inner = distribution(h), outer = distribution(a * h);
  return 0.5 * (inner + outer) - inner * outer - owen_integral(a * h, 1 / a);
}

// E φ(s)² and E φ(s)φ(s′) of s = μ + n t and s′ = μ − n t, by Stein's lemma down to normal distribution functions of
// one and two variables.
ParityMoments moments(double n2, double mu) {
  const double sigma2 = 1 + n2, z = mu / std::sqrt(sigma2), mass = density(mu, sigma2);  // E ϕ(s)
  const double centre = mu / sigma2, spread = n2 / sigma2;                               // of s, weighted by ϕ(s)
  const double phi_z = distribution(z);

  const double squared = phi_z - 2 * owen(z, 1 / std::sqrt(1 + 2 * n2));            // E Φ²
  const double product = mass * distribution(centre / std::sqrt(1 + spread));       // E Φϕ
  const double densities = 0.5 * std::numbers::inv_sqrtpi * density(mu, n2 + 0.5);  // E ϕ²
  const double first = (mu * product + n2 * densities) / sigma2;                    // E sΦϕ
  const double second = mu * (mu * squared + 2 * n2 * product) + n2 * (squared + 2 * first);

  const double both = phi_z - 2 * owen(z, std::sqrt(1 + 2 * n2));  // E Φ(s)Φ(s′)
  const double other = 2 * mu - centre;
  const double crossed = mass * (centre * distribution(other / std::sqrt(1 + spread)) -
                                 spread * density(other, 1 + spread));                              // E sϕ(s)Φ(s′)
  const double touching = 0.5 * std::numbers::inv_pi * std::exp(-mu * mu) / std::sqrt(1 + 2 * n2);  // E ϕ(s)ϕ(s′)
  return {second, (mu * mu - n2) * both + 2 * n2 * n2 * (crossed + touching)};
}

}  // namespace

bool has_gelu_expansion(double n, double mu) {
  // Further left the differences of distribution functions lose their relative accuracy.
  constexpr double kLeft = -2;
  return mu >= kLeft * std::sqrt(1 + n * n) && n < 1e3;
}

ParityMoments expand_gelu(const HermiteBasis& basis, double n, double mu, double* c) {
  const double sigma2 = 1 + n * n, sigma = std::sqrt(sigma2), z = mu / sigma, r = -n / sigma;
  const double phi = kInvSqrt2Pi * std::exp(-0.5 * z * z), below = distribution(z);
  c[0] = mu * below + n * n / sigma * phi;
  if (basis.degree() == 0) return moments(n * n, mu);
  c[1] = n * (below + z * phi / sigma2);
  // h_{k−2}, h_{k−1} and h_k at z, times the density in two halves: e^{−z²/4} h_k(z) is bounded.
  const double half = std::exp(-0.25 * z * z);
  double before = half, last = z * half, power = sigma * r * kInvSqrt2Pi * half;
  for (std::size_t k = 2; k <= basis.degree(); ++k) {
    const double next = basis.alpha()[k - 1] * z * last - basis.beta()[k - 1] * before;
    power *= r;
    c[k] = power * (before * basis.alpha()[k - 1] * basis.alpha()[k - 2] - next / sigma2);
    before = last;
    last = next;
  }
  return moments(n * n, mu);
}

}  // namespace herm
