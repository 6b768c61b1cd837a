// Activations and their Hermite expansions: what a neuron φ(s), s ~ N(μ, n²), is made of in L²(Gaussian).
#pragma once

#include <array>
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
  Sigmoid = 9,       // slope: σ(slope·x)
  Relu6 = 10,        // min(max(0, x), 6)
  HardTanh = 11,     // −1 … 1
  HardSigmoid = 12,  // slope: slope·x + ½, 0 … 1
  HardSwish = 13,    // x times the hard sigmoid of slope 1/6
  Elu = 14,          // slope: slope·(eˣ − 1) for negative inputs
  Selu = 15,         // λ times an ELU
  Softplus = 16,     // log(1 + eˣ)
  Mish = 17,         // x tanh(softplus(x))
};
constexpr ActivationKind kLastActivationKind = ActivationKind::Mish;

// Which part of φ is no polynomial: for an Even bend φ(x) − φ(−x) is one, for an Odd one φ(x) + φ(−x). A neuron and its
// mirror image (mean μ and −μ) then have high coefficients that differ in sign, and in nothing else, at the odd degrees
// (Even) or the even ones (Odd).
enum class Bend { Even, Odd, Neither };

// What the kernels know of an activation besides its values.
struct ActivationShape {
  Bend bend = Bend::Neither;
  bool odd = false;  // φ(−x) = −φ(x)
  int power = 0;     // φ(αx) = α^power φ(x) for every α > 0; 0: no such power
  // Where φ bends or is no longer analytic; one knot is there twice.
  std::array<double, 2> knots{0, 0};
  // Analytic on either side of every knot alone, not across it.
  bool broken = false;
  // From its knots φ becomes its asymptotes over this distance, and is analytic as far off the real line if it is not
  // broken; infinite: a polynomial, 0: one on either side of each knot.
  double radius = 0;
};

struct Affine {
  double scale = 1, shift = 0;

  double operator()(double x) const { return scale * x + shift; }
};

// φ(x) = outer(ψ(inner(x))), ψ of the kind and slope. The inner scale is not 0.
struct Activation {
  ActivationKind kind = ActivationKind::Identity;
  double slope = 1;  // of leaky ReLU, sigmoid, hard sigmoid and ELU; ignored by the others
  Affine inner{}, outer{};

  // φ = ψ
  bool plain() const { return inner.scale == 1 && inner.shift == 0 && outer.scale == 1 && outer.shift == 0; }
  double operator()(double x) const;
  ActivationShape shape() const;
  // φ(αx) = αφ(x) for every α > 0.
  bool homogeneous() const { return shape().power == 1; }
  // φ(−x) = −φ(x)
  bool odd() const { return shape().odd; }
};

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
  double even_tail = 0;   // √Σ_{k>D, k even} c_k², negative for an odd bend and μ < 0
  double odd_tail = 0;    // √Σ_{k>D, k odd} c_k², negative for an even bend and μ < 0
};

// Expands at deviation n >= 0 and mean μ up to an even degree D (else std::invalid_argument). Closed forms for the
// identity, GELU and polynomials with a bend at 0, quadrature for the others (docs/theory.md, section 1); errors are
// about 1e-13·√(E φ²). What is not finite gives NaN.
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
