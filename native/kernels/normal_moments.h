// Partial moments of the standard normal distribution: what piecewise polynomials of a Gaussian are made of.
#pragma once

#include <array>

namespace herm {

constexpr double kInvSqrt2Pi = 0.39894228040143267794;

// Beyond |a| = 40 the bend of (t + a)₊ is invisible: the density there is below the smallest double.
constexpr double kFarBend = 40;

struct PartialMoments {
  double density;           // e^{−a²/2}/√2π
  std::array<double, 5> p;  // p_j = E[(t + a)₊^j] / j!, t ~ N(0, 1); p_0 is the normal distribution function at a
};

// For |a| <= kFarBend, to nearly full relative accuracy also far to the left.
PartialMoments partial_moments(double a);

}  // namespace herm
