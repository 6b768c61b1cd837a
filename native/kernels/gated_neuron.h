// Gated neurons f(x) = φ(g·x + μ) (u·x + β) and their kernel, exact for every correlation of gates and values
// (docs/theory.md, section 1).
#pragma once

#include <array>
#include <vector>

#include "kernels/activation.h"

namespace herm {

// What f's distribution depends on, under x ~ N(0, I).
struct GatedNeuron {
  double gate_dev;    // n = ‖g‖
  double gate_mean;   // μ
  double value_mean;  // β
  double cross;       // ⟨g, u⟩
  double value;       // ‖u‖²
};

// With t the standardised gate pre-activation, the value is β + r t + ω, ω independent of t; A expands
// φ(n t + μ)(β + r t) and B expands φ(n t + μ). A gate of deviation 0 has no t: r = 0, and ω is all of u·x.
struct GatedSeries {
  Activation activation;
  double dev = 0;              // n
  double mean = 0;             // μ
  double slope = 0;            // r
  std::vector<double> a, b;    // A_k, B_k, k = 0 … D
  std::vector<double> da, db;  // √(k+1) A_{k+1}, √(k+1) B_{k+1}, k = 0 … D
  double second = 0;           // Φ_ii = E f², exact

  // What lies beyond degree D at the degrees of one parity, as vectors in the plane of the remainders of φ and tφ:
  // (b, 0) and a. Their products are exact for two neurons of one gate, at any scale if φ is homogeneous.
  struct Tail {
    double b = 0;
    std::array<double, 2> a{0, 0};
  };
  Tail even, odd;
};

// Expands up to an even degree (else std::invalid_argument). What is not finite gives NaN.
class GatedExpander {
 public:
  GatedExpander(const Activation& activation, std::size_t degree);

  const Activation& activation() const { return gate_.activation(); }
  std::size_t degree() const { return gate_.degree() - 2; }
  // Thread-safe; the series' memory is used again.
  void expand(const GatedNeuron& neuron, GatedSeries& series) const;
  GatedSeries expand(const GatedNeuron& neuron) const;

 private:
  HermiteExpander gate_;  // two degrees longer: A and its derivative each need one more of B
};

// Inner products of the input weights of neurons i and j.
struct GatedGram {
  double gate;        // ⟨g_i, g_j⟩
  double gate_value;  // ⟨g_i, u_j⟩
  double value_gate;  // ⟨u_i, g_j⟩
  double value;       // ⟨u_i, u_j⟩
};

// Φ_ij = E[f_i f_j] of two neurons of one activation and degree; symmetric to the bit.
//
// Exact to rounding, however early the series end, at a neuron with itself and with any other of the same gate. Between
// gates that differ, largest errors measured at degree 32 relative to √(Φ_ii Φ_jj), over all angles between the gates:
// smooth gates of deviation about 1 5e-7, of deviation 9 (bends in sight) 1.3e-4 and a sigmoid there 5e-4; ReLU 1e-4,
// leaky ReLU 8e-5, ReLU² 3e-6. They peak about 0.1 rad from ρ = ±1 and fall in proportion to the angle towards it.
double kernel(const GatedSeries& i, const GatedSeries& j, const GatedGram& gram);

}  // namespace herm
