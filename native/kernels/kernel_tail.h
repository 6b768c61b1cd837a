// What the coefficients beyond degree D add to a kernel value, from their energies alone.
#pragma once

#include <cstddef>

#include "kernels/simd.h"

namespace herm {

// ρ^p for odd p. T: double, or a vector of them.
template <class T>
inline __attribute__((always_inline)) T odd_power(const T& rho, std::size_t p) {
  T power = rho, square = rho * rho;
  for (std::size_t e = p / 2; e > 0; e /= 2) {
    if (e & 1) power *= square;
    square *= square;
  }
  return power;
}

// `even` and `odd` are the products of two neurons' remainders, `power` = ρ^{D+1}. Were all of the remainder at degrees
// D+1 and D+2, its share would be power·(even ρ + odd). It is spread over degrees D … ∞, roughly in these parts at one,
// two and four times D + 2; they add up to 1, so at ρ = ±1 nothing is lost.
template <class T>
inline __attribute__((always_inline)) T kernel_tail(const T& even, const T& odd, const T& rho, const T& power) {
  constexpr double kFirst = 0.5, kSecond = 0.3, kFourth = 0.2;
  const T y = power * rho;
  return power * (even * rho + odd) * (kFirst + y * (kSecond + y * y * kFourth));
}

}  // namespace herm
