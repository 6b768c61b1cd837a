// One number as a symbol and the bits below it (number_code.h), in a model that has learnt levels relative to what is
// expected.
#pragma once

#include "kernels/lane_models.h"
#include "kernels/number_code.h"
#include "kernels/rans.h"

namespace herm {

// `flip`: code the sign's opposite.
template <DType D, class Encoder>
void put_number(Encoder& coder, LevelModel& model, unsigned state, typename FloatGrid<D>::Word word, Grid grid,
                int expected, bool flip) {
  using Code = NumberCode<D>;
  const bool negative = Code::negative(word);
  if (Code::is_zero(word)) return model.put(coder, state, kZeroSymbol + negative);
  const int level = Code::level(word, grid), relative = level - expected;
  if (relative < kLowestLevel || relative > kHighestLevel) {
    model.put(coder, state, kEscapeSymbol);
    coder.bits(static_cast<std::uint64_t>(2 * level + negative), Code::kLevelBits + 1);
  } else {
    const auto place = static_cast<std::size_t>(relative - kLowestLevel);
    model.put(coder, state, kFirstLevelSymbol + 2 * place + (negative != flip));
  }
  coder.bits(Code::low_bits(word, grid), Code::low_count(grid));
}

// KernelError HERM_CORRUPT
template <DType D, class Decoder>
typename FloatGrid<D>::Word get_number(Decoder& coder, LevelModel& model, unsigned state, Grid grid, int expected,
                                       bool flip) {
  using Code = NumberCode<D>;
  const std::size_t symbol = model.get(coder, state);
  if (symbol < kEscapeSymbol) return symbol == kZeroSymbol ? typename Code::Word{0} : FloatGrid<D>::kSign;
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
  return Code::number(level, coder.bits(Code::low_count(grid)), negative, grid);
}

}  // namespace herm
