// Grids of floating-point numbers, on which exact coding (exact_tree.h) computes. A grid has fewer mantissa bits than
// its format (the lowest `bits` are zero), and begins to be evenly spaced at 2^(floor − bias) instead of at the
// format's own smallest normal number: below that, its numbers are the multiples of one step, as a format's denormals
// are. Its numbers are counted in order by *ordinals*: 0 is +0, 1 the next number above, −1 is −0, −2 the next one
// below. All of it is integer arithmetic and IEEE double operations: the same on every CPU.
#pragma once

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/dtype.h"
#include "kernels/words.h"

namespace herm {

// While it lives, this thread rounds to nearest and keeps denormals, whatever else the process has loaded: threads
// inherit a mode that some library compiled for speed may have set.
class StrictFloat {
 public:
  StrictFloat() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~StrictFloat() { std::fesetenv(&saved_); }
  StrictFloat(const StrictFloat&) = delete;
  StrictFloat& operator=(const StrictFloat&) = delete;

 private:
  std::fenv_t saved_;
};

// A double's place in the total order of doubles, −0 just below +0.
inline std::int64_t order_key(double value) {
  const auto bits = std::bit_cast<std::int64_t>(value);
  return bits ^ (bits < 0 ? std::numeric_limits<std::int64_t>::max() : 0);
}

inline double from_order_key(std::int64_t key) {
  return std::bit_cast<double>(key ^ (key < 0 ? std::numeric_limits<std::int64_t>::max() : 0));
}

namespace detail {

template <DType D>
struct FormatOf;
template <>
struct FormatOf<DType::F64> {
  using Word = std::uint64_t;
  static constexpr int kMantissa = 52, kBias = 1023;
};
template <>
struct FormatOf<DType::F32> {
  using Word = std::uint32_t;
  static constexpr int kMantissa = 23, kBias = 127;
};
template <>
struct FormatOf<DType::F16> {
  using Word = std::uint16_t;
  static constexpr int kMantissa = 10, kBias = 15;
};
template <>
struct FormatOf<DType::BF16> {
  using Word = std::uint16_t;
  static constexpr int kMantissa = 7, kBias = 127;
};

}  // namespace detail

// Shifts by what a grid says are masked here and there: bits are checked, and analysers do not know it.
struct Grid {
  int bits = 0;   // low bits that are zero, at most the format's mantissa bits
  int floor = 1;  // biased exponent below which numbers are evenly spaced; 1: the format's own denormals

  bool operator==(const Grid&) const = default;
};

template <DType D>
struct FloatGrid {
  using Word = typename detail::FormatOf<D>::Word;
  static constexpr int kMantissa = detail::FormatOf<D>::kMantissa;
  static constexpr int kBias = detail::FormatOf<D>::kBias;
  static constexpr Word kSign = static_cast<Word>(Word{1} << (sizeof(Word) * 8 - 1));
  static constexpr Word kMantissaMask = static_cast<Word>((Word{1} << kMantissa) - 1);
  static constexpr int kMaxFloor = 2 * kBias;
  static constexpr Word kMaxFinite = static_cast<Word>(((Word{2} * kBias + 1) << kMantissa) - 1);

  static bool finite(Word word) { return static_cast<Word>(word & ~kSign) <= kMaxFinite; }

  static std::int64_t ordinal(Word word, Grid grid) {
    const auto magnitude = static_cast<Word>(word & ~kSign);
    std::int64_t steps;
    if (static_cast<int>(magnitude >> kMantissa) >= grid.floor) {
      steps = static_cast<std::int64_t>(magnitude >> grid.bits) - offset(grid);
    } else {
      const int drop = linear_drop(magnitude, grid);
      steps = drop > 63 ? 0 : static_cast<std::int64_t>(significand(magnitude) >> drop);
    }
    return word & kSign ? ~steps : steps;
  }
  static Word word(std::int64_t ordinal, Grid grid) {
    const std::int64_t steps = ordinal < 0 ? ~ordinal : ordinal;
    Word magnitude;
    if (steps >> (kMantissa - grid.bits) != 0) {
      magnitude = static_cast<Word>(static_cast<Word>(steps + offset(grid)) << grid.bits);
    } else {
      magnitude = linear_word(steps, grid);
    }
    return static_cast<Word>(ordinal < 0 ? magnitude | kSign : magnitude);
  }
  static std::int64_t max_ordinal(Grid grid) {
    return static_cast<std::int64_t>(std::uint64_t{kMaxFinite} >> (grid.bits & 63)) - offset(grid);
  }
  static std::int64_t min_ordinal(Grid grid) { return ~max_ordinal(grid); }
  // Where the even spacing ends: ordinals from here on are floating.
  static std::int64_t linear_end(Grid grid) { return std::int64_t{1} << (kMantissa - grid.bits); }

  // The value of a finite word, exactly.
  static double to_double(Word word) {
    if constexpr (D == DType::F64) {
      return std::bit_cast<double>(word);
    } else if constexpr (D == DType::F32) {
      return std::bit_cast<float>(word);
    } else if constexpr (D == DType::BF16) {
      return std::bit_cast<float>(static_cast<std::uint32_t>(word) << 16);
    } else {
      const std::uint64_t magnitude = word & 0x7fff;
      // Denormals are multiples of 2^−24; the others differ from doubles by the exponent's bias alone.
      const double value = magnitude < 0x400 ? static_cast<double>(magnitude) * 0x1p-24
                                             : std::bit_cast<double>((magnitude << 42) + (1008ull << 52));
      return word & kSign ? -value : value;
    }
  }

  // The number of the grid nearest to `value` (not NaN), ties to the even ordinal, the largest finite number beyond it.
  static Word round(double value, Grid grid) {
    const std::int64_t steps = std::min(magnitude_steps<true>(std::fabs(value), grid), max_ordinal(grid));
    return word(std::signbit(value) ? ~steps : steps, grid);
  }
  // Ordinal of the number of the grid next to `value` (not NaN) towards zero.
  static std::int64_t truncated_ordinal(double value, Grid grid) {
    const std::int64_t steps = std::min(magnitude_steps<false>(std::fabs(value), grid), max_ordinal(grid));
    return std::signbit(value) ? ~steps : steps;
  }
  // The size of a step of the evenly spaced numbers.
  static double step(Grid grid) { return power_of_two(grid.floor - kBias - (kMantissa - grid.bits)); }

  // order_key of the smallest double that round() takes to the number `ordinal` or a larger one; beyond all doubles for
  // max_ordinal + 1.
  static std::int64_t threshold_key(std::int64_t ordinal, Grid grid) {
    if (ordinal > max_ordinal(grid)) return std::numeric_limits<std::int64_t>::max();
    if (ordinal <= min_ordinal(grid)) return std::numeric_limits<std::int64_t>::min();
    if (ordinal == 0) return 0;
    if (D == DType::F64 && grid.bits == 0 && grid.floor == 1) return ordinal;
    // Half-way to the number below; a tie goes to the even one of the two.
    const std::int64_t upper = ordinal < 0 ? -ordinal : ordinal;  // the larger magnitude of the two
    const double half_way = middle_below(upper, grid);
    return order_key(ordinal < 0 ? -half_way : half_way) + ((ordinal < 0 ? ~ordinal : ordinal) & 1);
  }

  // 2^exponent, also where that is a denormal double.
  static double power_of_two(int exponent) {
    if (exponent >= -1022) return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
    return exponent < -1074 ? 0 : std::bit_cast<double>(std::uint64_t{1} << (exponent + 1074));
  }

 private:
  // Ordinals of floating numbers are their bit patterns, less this.
  static std::int64_t offset(Grid grid) { return static_cast<std::int64_t>(grid.floor - 1) << (kMantissa - grid.bits); }

  static std::uint64_t significand(Word magnitude) {
    const Word implicit = magnitude >> kMantissa != 0 ? Word{1} << kMantissa : Word{0};
    return static_cast<std::uint64_t>((magnitude & kMantissaMask) | implicit);
  }
  // By how many bits the significand of a number below the floor is finer than a step.
  static int linear_drop(Word magnitude, Grid grid) {
    return grid.bits + grid.floor - std::max(1, static_cast<int>(magnitude >> kMantissa));
  }
  static Word linear_word(std::int64_t steps, Grid grid) {
    if (steps == 0) return 0;
    const int top = std::bit_width(static_cast<std::uint64_t>(steps)) - 1;
    const int exponent = grid.floor - (kMantissa - grid.bits) + top;
    if (exponent < 1) return static_cast<Word>(static_cast<Word>(steps) << (grid.bits + grid.floor - 1));
    const auto fraction = static_cast<Word>(static_cast<Word>(steps) << (kMantissa - top));
    return static_cast<Word>(static_cast<Word>(static_cast<Word>(exponent) << kMantissa) | (fraction & kMantissaMask));
  }

  // Half-way between the numbers `steps` − 1 and `steps` (> 0) above zero. A double: grids of doubles that are not all
  // doubles have a bit to spare.
  static double middle_below(std::int64_t steps, Grid grid) {
    if (steps <= linear_end(grid)) return (static_cast<double>(steps) - 0.5) * step(grid);
    const std::uint64_t half = std::uint64_t{1} << ((52 - kMantissa + grid.bits - 1) & 63);
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(to_double(word(steps, grid))) - half);
  }

  // |value| in ordinals, rounded to nearest even or towards zero; may be beyond the largest finite number.
  template <bool Nearest>
  static std::int64_t magnitude_steps(double value, Grid grid) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto floating = static_cast<std::uint64_t>(1023 - kBias + grid.floor) << 52;
    if (bits < floating) {
      // Adding 2^52 rounds to whole steps.
      const double steps = in_steps(value, kBias + kMantissa - grid.bits - grid.floor);
      if (!Nearest) return static_cast<std::int64_t>(steps);
      return static_cast<std::int64_t>((steps + 0x1p52) - 0x1p52);
    }
    const int drop = 52 - kMantissa + grid.bits;
    const auto format = static_cast<std::int64_t>(static_cast<std::uint64_t>(1023 - kBias) << (kMantissa - grid.bits));
    const std::int64_t zero = format + offset(grid);
    std::uint64_t kept = bits;
    if (Nearest && drop > 0) {
      // Where a grid has no mantissa, `zero` may be odd.
      const std::uint64_t odd = ((bits >> drop) ^ static_cast<std::uint64_t>(zero)) & 1;
      // A carry into the next binade is right as it stands in the bit pattern.
      kept += (std::uint64_t{1} << (drop - 1)) - 1 + odd;
    }
    return static_cast<std::int64_t>(kept >> drop) - zero;
  }
  // value · 2^exponent, exactly: there is room above, as value lies below a floor.
  static double in_steps(double value, int exponent) {
    if (exponent <= 1023) return value * power_of_two(exponent);
    return value * 0x1p600 * power_of_two(exponent - 600);
  }
};

}  // namespace herm
