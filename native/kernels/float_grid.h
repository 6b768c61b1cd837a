// Grids of floating-point numbers, on which exact coding (exact_tree.h) computes. The numbers of a format whose bit
// patterns end in g zero bits form its grid g; up to the format's mantissa bits, so that every power of two is on it.
// They are numbered in order, −0 just below +0, by their *ordinals* on that grid:
//   sign ? −(magnitude >> g) − 1 : (magnitude >> g).
// All of it is integer arithmetic and IEEE double operations: the same on every CPU.
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

template <DType D>
struct FloatGrid {
  using Word = typename detail::FormatOf<D>::Word;
  static constexpr int kMantissa = detail::FormatOf<D>::kMantissa;
  static constexpr int kBias = detail::FormatOf<D>::kBias;
  static constexpr Word kSign = static_cast<Word>(Word{1} << (sizeof(Word) * 8 - 1));
  static constexpr Word kMaxFinite = static_cast<Word>(((Word{2} * kBias + 1) << kMantissa) - 1);

  static bool finite(Word word) { return static_cast<Word>(word & ~kSign) <= kMaxFinite; }
  static bool on_grid(Word word, int g) { return (word & ((Word{1} << g) - 1)) == 0; }

  static std::int64_t ordinal(Word word, int g) {
    const auto magnitude = static_cast<std::int64_t>(static_cast<Word>(word & ~kSign) >> g);
    return word & kSign ? ~magnitude : magnitude;
  }
  static Word word(std::int64_t ordinal, int g) {
    const auto magnitude = static_cast<Word>(static_cast<Word>(ordinal < 0 ? ~ordinal : ordinal) << g);
    return static_cast<Word>(ordinal < 0 ? magnitude | kSign : magnitude);
  }
  static std::int64_t max_ordinal(int g) { return static_cast<std::int64_t>(kMaxFinite >> g); }
  static std::int64_t min_ordinal(int g) { return ~max_ordinal(g); }

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

  // The number of grid g nearest to `value` (not NaN), ties to the even ordinal, the largest finite number beyond it.
  static Word round(double value, int g) {
    return with_sign_of(value, std::min(magnitude_ordinal<true>(value, g), max_ordinal(g)), g);
  }
  // Ordinal of the number of grid g next to `value` (not NaN) towards zero.
  static std::int64_t truncated_ordinal(double value, int g) {
    const std::int64_t magnitude = std::min(magnitude_ordinal<false>(value, g), max_ordinal(g));
    return std::signbit(value) ? ~magnitude : magnitude;
  }

  // order_key of the smallest double that round() takes to the number `ordinal` of grid g or a larger one; beyond all
  // doubles for max_ordinal + 1.
  static std::int64_t threshold_key(std::int64_t ordinal, int g) {
    if (ordinal > max_ordinal(g)) return std::numeric_limits<std::int64_t>::max();
    if (ordinal <= min_ordinal(g)) return std::numeric_limits<std::int64_t>::min();
    if (ordinal == 0) return 0;
    // Half-way to the number below; a tie goes to the even one of the two.
    const std::int64_t odd = (ordinal < 0 ? ~ordinal : ordinal) & 1;
    if constexpr (D == DType::F64) {
      if (g == 0) return ordinal;
      const std::int64_t half = std::int64_t{1} << (g - 1);
      return (ordinal < 0 ? ~((~ordinal << g) + half) : (ordinal << g) - half) + odd;
    } else {
      return order_key((to_double(word(ordinal, g)) + to_double(word(ordinal - 1, g))) * 0.5) + odd;
    }
  }

 private:
  static Word with_sign_of(double value, std::int64_t magnitude, int g) {
    const auto bits = static_cast<Word>(static_cast<Word>(magnitude) << g);
    return static_cast<Word>(std::signbit(value) ? bits | kSign : bits);
  }

  // |value| in steps of grid g, rounded to nearest even or towards zero; may be beyond the largest finite number.
  template <bool Nearest>
  static std::int64_t magnitude_ordinal(double value, int g) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(value) & ~(1ull << 63);
    constexpr std::uint64_t smallest_normal = static_cast<std::uint64_t>(1023 - kBias + 1) << 52;
    if (D != DType::F64 && bits < smallest_normal) {
      // The format's denormals are evenly spaced. Adding 2^52 rounds to whole steps.
      const double steps = std::bit_cast<double>(bits) *
                           std::bit_cast<double>(static_cast<std::uint64_t>(1023 + kBias - 1 + kMantissa - g) << 52);
      if (!Nearest) return static_cast<std::int64_t>(steps);
      return std::bit_cast<std::int64_t>(steps + 0x1p52) & ((std::int64_t{1} << 52) - 1);
    }
    const int drop = 52 - kMantissa + g;
    std::uint64_t kept = bits;
    // A carry into the next binade is right as it stands in the bit pattern.
    if (Nearest && (D != DType::F64 || g != 0)) kept += (1ull << (drop - 1)) - 1 + ((bits >> drop) & 1);
    return static_cast<std::int64_t>((kept >> drop) - (static_cast<std::uint64_t>(1023 - kBias) << (kMantissa - g)));
  }
};

}  // namespace herm
