// What the coefficients beyond degree D add to a kernel value, from their energies alone.
#pragma once

#include <cstddef>

namespace herm {

// Of a remainder, at one, two and four times its first degree.
constexpr double kTailFirst = 0.5, kTailSecond = 0.3, kTailFourth = 0.2;

// ρ^p for odd p.
inline double odd_power(double rho, std::size_t p) {
  double power = rho, square = rho * rho;
  for (std::size_t e = p / 2; e > 0; e /= 2) {
    if (e & 1) power *= square;
    square *= square;
  }
  return power;
}

// `even` and `odd` are the products of two neurons' remainders, `power` = ρ^{D+1}. Were all of the remainder at degrees
// D+1 and D+2, its share would be power·(even ρ + odd). It is spread over degrees D … ∞, roughly in these parts at one,
// two and four times D + 2; they add up to 1, so at ρ = ±1 nothing is lost.
inline double kernel_tail(double even, double odd, double rho, double power) {
  const double y = power * rho;
  return power * (even * rho + odd) * (kTailFirst + y * (kTailSecond + y * y * kTailFourth));
}

}  // namespace herm
