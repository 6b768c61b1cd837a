// Weights as symbols of an entropy coder (lane_code.h). A number is its *level*, four for every power of two (the
// biased exponent and the two highest bits of the mantissa), its sign, and the bits below, which look random. Of the
// evenly spaced numbers of a grid, four equal parts are levels, too.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/error.h"
#include "kernels/float_grid.h"
#include "kernels/simd.h"

namespace herm {

template <DType D>
struct NumberCode {
  using Format = FloatGrid<D>;
  using Word = typename Format::Word;

  static constexpr int kLevelBits = 13;  // enough for every format

  static bool is_zero(Word word) { return static_cast<Word>(word & ~Format::kSign) == 0; }
  static bool negative(Word word) { return (word & Format::kSign) != 0; }

  // Of a finite number on the grid.
  static int level(Word word, Grid grid) {
    const auto magnitude = static_cast<Word>(word & ~Format::kSign);
    if (static_cast<int>(magnitude >> Format::kMantissa) >= grid.floor) {
      return static_cast<int>(magnitude >> (Format::kMantissa - 2));
    }
    const std::int64_t steps = Format::ordinal(magnitude, grid);
    const int spare = Format::kMantissa - grid.bits - 2;
    return static_cast<int>(spare >= 0 ? steps >> spare : steps << -spare) + 4 * (grid.floor - 1);
  }
  // How many bits are below the level, and which.
  static int low_count(Grid grid) { return std::max(0, Format::kMantissa - grid.bits - 2); }
  static std::uint64_t low_bits(Word word, Grid grid) {
    const std::int64_t steps = Format::ordinal(static_cast<Word>(word & ~Format::kSign), grid);
    return static_cast<std::uint64_t>(steps) & ((std::uint64_t{1} << low_count(grid)) - 1);
  }

  // KernelError HERM_CORRUPT where there is no such number.
  HERM_INLINE static std::int64_t ordinal(int level, std::uint64_t low, bool negative, Grid grid) {
    const int spare = Format::kMantissa - grid.bits - 2, local = level - 4 * (grid.floor - 1);
    const std::int64_t place = spare >= 0 ? local : local >> -spare;
    // Before the bits below are appended: what is expected of a damaged lane may be any level, and would overflow.
    const std::int64_t highest = Format::max_ordinal(grid) >> std::max(0, spare);
    if (local < 0 || place > highest || (spare < 0 && place << -spare != local)) {
      throw KernelError("HERM_CORRUPT", "a coded weight is no number of its format");
    }
    const std::int64_t steps = spare >= 0 ? place << spare | static_cast<std::int64_t>(low) : place;
    return negative ? ~steps : steps;
  }
};

}  // namespace herm
