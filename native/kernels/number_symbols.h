// One number as a symbol and the bits below it (number_code.h), in a model that has learnt levels relative to what is
// expected.
#pragma once

#include "kernels/lane_models.h"
#include "kernels/number_code.h"
#include "kernels/rans.h"
#include "kernels/simd.h"

namespace herm {

// A number that is not zero.
struct NumberParts {
  int level;
  std::uint64_t low;  // bits below the level, and any above them
  int low_count;
  bool negative;
};

template <class Encoder>
void put_zero(Encoder& coder, LevelModel& model, unsigned state, bool negative) {
  model.put(coder, state, kZeroSymbol + negative);
}
// `flip`: code the sign's opposite.
template <DType D, class Encoder>
HERM_INLINE void put_parts(Encoder& coder, LevelModel& model, unsigned state, const NumberParts& parts, int expected,
                           bool flip) {
  const int relative = parts.level - expected;
  if (relative < kLowestLevel || relative > kHighestLevel) {
    model.put(coder, state, kEscapeSymbol);
    coder.bits(2 * static_cast<std::uint64_t>(parts.level) + parts.negative, NumberCode<D>::kLevelBits + 1);
  } else {
    const auto place = static_cast<std::size_t>(relative - kLowestLevel);
    model.put(coder, state, kFirstLevelSymbol + 2 * place + (parts.negative != flip));
  }
  coder.bits(parts.low, parts.low_count);
}
template <DType D, class Encoder>
void put_number(Encoder& coder, LevelModel& model, unsigned state, typename FloatGrid<D>::Word word, Grid grid,
                int expected, bool flip) {
  using Code = NumberCode<D>;
  const NumberParts parts{Code::level(word, grid), Code::low_bits(word, grid), Code::low_count(grid),
                          Code::negative(word)};
  if (Code::is_zero(word)) return put_zero(coder, model, state, parts.negative);
  put_parts<D>(coder, model, state, parts, expected, flip);
}

// The ordinal of the number on the grid, and the number. KernelError HERM_CORRUPT
template <DType D, class Decoder>
HERM_INLINE std::int64_t get_ordinal(Decoder& coder, LevelModel& model, unsigned state, Grid grid, int expected,
                                     bool flip) {
  using Code = NumberCode<D>;
  const std::size_t symbol = model.get(coder, state);
  if (symbol < kEscapeSymbol) return symbol == kZeroSymbol ? 0 : -1;
  int level;
  bool negative;
  if (symbol == kEscapeSymbol) {
    const auto code = static_cast<int>(coder.bits(Code::kLevelBits + 1));
    level = code >> 1;
    negative = (code & 1) != 0;
  } else {
    const auto place = static_cast<int>(symbol - kFirstLevelSymbol);
    level = expected + kLowestLevel + place / 2;
    negative = (place % 2 != 0) != flip;
  }
  return Code::ordinal(level, coder.bits(Code::low_count(grid)), negative, grid);
}

template <DType D, class Decoder>
typename FloatGrid<D>::Word get_number(Decoder& coder, LevelModel& model, unsigned state, Grid grid, int expected,
                                       bool flip) {
  return FloatGrid<D>::word(get_ordinal<D>(coder, model, state, grid, expected, flip), grid);
}

}  // namespace herm
