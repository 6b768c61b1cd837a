// Activations and their Hermite expansions: what a neuron φ(s), s ~ N(μ, n²), is made of in L²(Gaussian).
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/hermite_basis.h"

namespace herm {

enum class ActivationKind : int {
  Identity = 0,
  Relu = 1,
  LeakyRelu = 2,  // slope: the factor of negative inputs
  Relu2 = 3,      // max(0, x)²
  Gelu = 4,       // exact: x Φ(x)
  GeluTanh = 5,
  QuickGelu = 6,  // x σ(1.702 x)
  Silu = 7,
  Tanh = 8,
  Sigmoid = 9,  // slope: σ(slope·x)
};
constexpr ActivationKind kLastActivationKind = ActivationKind::Sigmoid;

struct Activation {
  ActivationKind kind = ActivationKind::Identity;
  double slope = 1;  // of leaky ReLU and sigmoid; ignored by the others

  double operator()(double x) const;
  // φ(αx) = αφ(x) for every α > 0: identity, ReLU, leaky ReLU.
  bool homogeneous() const;
  // φ(−x) = −φ(x): identity, tanh, and leaky ReLU of slope 1.
  bool odd() const;
};

// Whether φ(x) + φ(−x) is a polynomial; for the others φ(x) − φ(−x) is. A neuron and its mirror image (mean μ and −μ)
// then have high coefficients that differ in sign, and in nothing else, at even degrees; for the others at odd ones.
bool bend_is_odd(ActivationKind kind);

// The number of the highest Hermite coefficient used while searching for merges. Even: see HermiteSeries.
constexpr std::size_t kSearchDegree = 32;

// Expansion of t ↦ φ(n t + μ) in the orthonormal probabilists' Hermite polynomials, t ~ N(0, 1).
// With the parities' remainders the kernel of a neuron with itself is exact at ρ = ±1 however early the series ends.
struct HermiteSeries {
  Activation activation;
  double dev = 0;         // n
  double mean = 0;        // μ
  std::vector<double> c;  // c_0 … c_D
  double second = 0;      // E φ², exact
  double even_tail = 0;   // √Σ_{k>D, k even} c_k², negative where φ is odd and μ < 0
  double odd_tail = 0;    // √Σ_{k>D, k odd} c_k²
};

// Expands at deviation n >= 0 and mean μ up to an even degree D (else std::invalid_argument). Closed forms for the
// piecewise linear and quadratic activations, quadrature for the others; errors are about 1e-13·√(E φ²). What is not
// finite gives NaN.
class HermiteExpander {
 public:
  HermiteExpander(const Activation& activation, std::size_t degree);

  const Activation& activation() const { return activation_; }
  std::size_t degree() const { return basis_.degree(); }
  // c [D+1]; the rest is returned. Thread-safe; allocates nothing after the first call of a thread.
  struct Moments {
    double second, even_tail, odd_tail;
  };
  Moments expand(double n, double mu, double* c) const;
  // The same into a series, whose memory is used again.
  void expand(double n, double mu, HermiteSeries& series) const;
  HermiteSeries expand(double n, double mu) const;

 private:
  ParityMoments expand_moments(double n, double mu, double* c) const;

  Activation activation_;
  HermiteBasis basis_;
};

// E[φ(s_i) φ(s_j)] of two neurons of one activation and degree whose correlation is ρ (clamped to [−1, 1]):
// Σ_k a_k b_k ρ^k and the remainders' share, or the closed form of bend_kernel.h where ρ is close to ±1.
double kernel(const HermiteSeries& a, const HermiteSeries& b, double rho);

}  // namespace herm
