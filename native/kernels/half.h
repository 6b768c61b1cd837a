// Half-precision numbers, as which merge coefficients are stored.
#pragma once

#include <cstdint>

#include "kernels/dtype.h"

namespace herm {

inline constexpr std::uint16_t kHalfOne = 0x3c00, kHalfInfinity = 0x7c00, kHalfMagnitude = 0x7fff;

inline std::uint16_t to_half(double value) {
  std::uint16_t bits;
  narrow(DType::F16, &value, 1, &bits);
  return bits;
}

inline double from_half(std::uint16_t bits) {
  double value;
  widen(DType::F16, &bits, 1, &value);
  return value;
}

inline double round_to_half(double value) { return from_half(to_half(value)); }

}  // namespace herm
