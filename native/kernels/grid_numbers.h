// The arithmetic of grids (float_grid.h) without branches, so that loops over lanes can be vectorised and take the same
// time whatever the numbers are. The same results; F64 goes the ordinary way.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/float_grid.h"
#include "kernels/number_code.h"
#include "kernels/simd.h"

namespace herm {

template <DType D>
struct GridNumbers {
  using Format = FloatGrid<D>;
  using Word = typename Format::Word;
  using Ordinal = std::conditional_t<D == DType::F64, std::int64_t, std::int32_t>;

  HERM_INLINE static Word magnitude(Word word) { return static_cast<Word>(word & ~Format::kSign); }

  HERM_INLINE static double to_double(Word word) {
    if constexpr (D == DType::F16) {
      // A denormal is what its mantissa adds to 2^-14.
      const std::uint64_t bits = magnitude(word);
      const std::uint64_t denormal = bits < 0x400 ? 1 : 0;
      const double above = std::bit_cast<double>((bits << 42) + ((1008 + denormal) << 52));
      const double base = std::bit_cast<double>(denormal != 0 ? std::bit_cast<std::uint64_t>(0x1p-14) : 0);
      return negated(above - base, (word & Format::kSign) != 0);
    } else {
      return Format::to_double(word);
    }
  }

  // Format::ordinal
  HERM_INLINE static Ordinal ordinal(Word word, Grid grid) {
    if constexpr (D == DType::F64) {
      return Format::ordinal(word, grid);
    } else {
      const std::int32_t steps = steps_of(magnitude(word), grid);
      return word & Format::kSign ? ~steps : steps;
    }
  }

  // NumberCode::level
  HERM_INLINE static int level(Word word, Grid grid) {
    if constexpr (D == DType::F64) {
      return NumberCode<D>::level(word, grid);
    } else {
      const int spare = kMantissa - grid.bits - 2;
      const std::int32_t steps = steps_of(magnitude(word), grid);
      return (spare >= 0 ? steps >> spare : steps << -spare) + 4 * (grid.floor - 1);
    }
  }

  // Format::word
  HERM_INLINE static Word word(Ordinal ordinal, Grid grid) {
    if constexpr (D == DType::F64) {
      return Format::word(ordinal, grid);
    } else {
      const std::int32_t steps = ordinal ^ (ordinal >> 31);
      const int kept = kMantissa - grid.bits;
      const auto floating = static_cast<std::uint32_t>(steps + ((grid.floor - 1) << kept)) << grid.bits;
      const std::uint32_t linear = linear_magnitude(steps, grid);
      return static_cast<Word>((steps >> kept != 0 ? floating : linear) | (ordinal < 0 ? Format::kSign : Word{0}));
    }
  }

  // NumberCode::ordinal of a number that is positive; 0 where there is no such number.
  struct Said {
    Ordinal steps;
    int valid;
  };
  HERM_INLINE static Said said(int level, Ordinal low_bits, Grid grid) {
    using Steps = std::make_unsigned_t<Ordinal>;
    const int spare = Format::kMantissa - grid.bits - 2, above = std::max(0, spare), below = std::max(0, -spare);
    const std::int32_t local = level - 4 * (grid.floor - 1), place = local >> below;
    const Ordinal most = static_cast<Ordinal>(Format::kMaxFinite >> grid.bits) -
                         (static_cast<Ordinal>(grid.floor - 1) << (Format::kMantissa - grid.bits));
    const int valid = static_cast<int>(local >= 0) & static_cast<int>(place <= most >> above) &
                      static_cast<int>(local == static_cast<std::int32_t>(static_cast<std::uint32_t>(place) << below));
    const Steps whole = static_cast<Steps>(place) << above;
    const Steps steps = spare >= 0 ? whole | static_cast<Steps>(low_bits) : whole;
    return {static_cast<Ordinal>(valid != 0 ? steps : 0), valid};
  }

  // ChildInterval::range, unless it is not clear whether rounding has moved an end past a number: then false.
  HERM_INLINE static int quick_range(Word parent, Grid parent_grid, double coded, Grid grid, double reciprocal,
                                     Ordinal& low, Ordinal& high) {
    const std::uint32_t bits = magnitude(parent);
    const int exponent = static_cast<int>(bits >> kMantissa);
    const double value = to_double(static_cast<Word>(bits));
    // Half a step on the side of larger numbers; on the other one a quarter where a binade ends.
    const int half = std::max(exponent, parent_grid.floor) - kBias - (kMantissa - parent_grid.bits) - 1;
    const int ends = static_cast<int>(exponent > parent_grid.floor) & ((bits & Format::kMantissaMask) == 0);
    // As if the parent were positive.
    const int negative = (parent & Format::kSign) != 0;
    const double mirrored = negated(coded, negative);
    const Above inner = above(value - power(half - ends), mirrored, negative, grid, reciprocal);
    const Above outer = above(value + power(half), mirrored, negative, grid, reciprocal);
    low = negative ? outer.ordinal : inner.ordinal;
    high = static_cast<Ordinal>(static_cast<std::uint32_t>(negative ? inner.ordinal : outer.ordinal) - 1);
    const int within = static_cast<int>(bits != 0) & (bits >> parent_grid.bits < kMaxMagnitude >> parent_grid.bits);
    return inner.clear & outer.clear & within;
  }

 private:
  static constexpr int kMantissa = Format::kMantissa, kBias = Format::kBias;
  static constexpr auto kMaxMagnitude = static_cast<std::uint32_t>(Format::kMaxFinite);

  // 2^exponent, a normal double.
  HERM_INLINE static double power(int exponent) {
    return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
  }

  HERM_INLINE static std::int32_t steps_of(std::uint32_t magnitude, Grid grid) {
    const int exponent = static_cast<int>(magnitude >> kMantissa);
    const std::uint32_t implicit = static_cast<std::uint32_t>(exponent != 0) << kMantissa;
    const int drop = std::min(grid.bits + grid.floor - std::max(1, exponent), 31);
    const std::uint32_t linear = ((magnitude & Format::kMantissaMask) | implicit) >> (drop & 31);
    const std::uint32_t offset = static_cast<std::uint32_t>(grid.floor - 1) << (kMantissa - grid.bits);
    return static_cast<std::int32_t>(exponent >= grid.floor ? (magnitude >> grid.bits) - offset : linear);
  }

  // The bits of a number below the floor.
  HERM_INLINE static std::uint32_t linear_magnitude(std::int32_t steps, Grid grid) {
    const double value = steps * power(grid.floor - kBias - (kMantissa - grid.bits));
    const auto normal = static_cast<std::uint32_t>((std::bit_cast<std::uint64_t>(value) >> (52 - kMantissa)) -
                                                   (std::uint64_t{1023 - kBias} << kMantissa));
    const std::uint32_t denormal = static_cast<std::uint32_t>(steps) << (std::min(grid.bits + grid.floor - 1, 31) & 31);
    return value >= power(1 - kBias) ? normal : denormal;
  }

  HERM_INLINE static double negated(double value, int negative) {
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) ^ static_cast<std::uint64_t>(negative) << 63);
  }

  struct Above {
    Ordinal ordinal;
    int clear;
  };
  // ChildInterval::clear_of_numbers; `negate`: of what lies on the other side of zero.
  HERM_INLINE static Above above(double bound, double coded, int negate, Grid grid, double reciprocal) {
    const double y = (bound - coded) * reciprocal;
    const auto bits = std::bit_cast<std::int64_t>(y) & std::numeric_limits<std::int64_t>::max();
    // The power of two that y begins with, or the floor.
    const std::int64_t floor = static_cast<std::int64_t>(1023 - kBias + grid.floor) << 52;
    const std::int64_t power_of_y = bits & std::int64_t{0x7ff} << 52, binade = power_of_y > floor ? power_of_y : floor;
    const int kept = kMantissa - grid.bits;
    const std::int64_t step = binade - (static_cast<std::int64_t>(kept) << 52);
    const double in_steps = std::bit_cast<double>(bits) * std::bit_cast<double>((std::int64_t{2046} << 52) - step);
    const auto whole = static_cast<std::int32_t>(in_steps);
    const double rest = in_steps - whole;
    // Unsigned: it wraps around where y lies beyond all numbers, which is not clear, then.
    const std::uint32_t steps =
        static_cast<std::uint32_t>(whole) + (static_cast<std::uint32_t>((binade - floor) >> 52) << kept);
    const double least = std::bit_cast<double>(step) * 0x1p32;
    const int clear = static_cast<int>(least >= std::fabs(bound) * reciprocal) &
                      static_cast<int>(least >= std::fabs(coded) * reciprocal) &
                      static_cast<int>(binade <= static_cast<std::int64_t>(1022 + kBias) << 52) &
                      static_cast<int>(rest > 0x1p-16) & static_cast<int>(rest < 1 - 0x1p-16);
    const auto below_zero =
        static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(y) >> 63) ^ static_cast<std::uint32_t>(negate);
    return {static_cast<Ordinal>((steps ^ -below_zero) + 1 - below_zero), clear};
  }
};

}  // namespace herm
