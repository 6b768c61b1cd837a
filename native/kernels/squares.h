// Transposing in squares that fit a cache line a row: writing down whole columns would fetch a line for every number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/simd.h"

namespace herm {

namespace squares {

using Four = FloatVectorOf<4>::type;  // of any words of four bytes: they are only moved
typedef std::int32_t Order __attribute__((vector_size(16)));

// Four of the eight words of a and b; Clang and GCC before 12 share no spelling of it.
template <int... kWords>
HERM_INLINE Four pick(Four a, Four b) {
#ifdef __clang__
  return __builtin_shufflevector(a, b, kWords...);
#else
  return __builtin_shuffle(a, b, Order{kWords...});
#endif
}

// to(c, r) = from(r, c) for r, c < 4; steps in bytes.
HERM_INLINE void transpose_four(const std::uint8_t* from, std::size_t from_step, std::uint8_t* to,
                                std::size_t to_step) {
  const auto row = [&](std::size_t r) HERM_INLINED { return load_lanes<Four>(from + r * from_step); };
  const Four a = row(0), b = row(1), c = row(2), d = row(3);
  const Four ab = pick<0, 4, 1, 5>(a, b), cd = pick<0, 4, 1, 5>(c, d);
  const Four ba = pick<2, 6, 3, 7>(a, b), dc = pick<2, 6, 3, 7>(c, d);
  store_lanes(pick<0, 1, 4, 5>(ab, cd), to);
  store_lanes(pick<2, 3, 6, 7>(ab, cd), to + to_step);
  store_lanes(pick<0, 1, 4, 5>(ba, dc), to + 2 * to_step);
  store_lanes(pick<2, 3, 6, 7>(ba, dc), to + 3 * to_step);
}

}  // namespace squares

// to(c, r) = from(r, c) for r < rows and c < cols, words of kBytes anywhere in memory; steps of a row in bytes.
template <std::size_t kBytes>
void transpose_words(const void* from, std::size_t from_step, std::size_t rows, std::size_t cols, void* to,
                     std::size_t to_step) {
  const auto* source = static_cast<const std::uint8_t*>(from);
  auto* target = static_cast<std::uint8_t*>(to);
  const std::size_t whole_rows = kBytes == 4 ? rows / 4 * 4 : 0, whole_cols = kBytes == 4 ? cols / 4 * 4 : 0;
  for (std::size_t c = 0; c < whole_cols; c += 4)
    for (std::size_t r = 0; r < whole_rows; r += 4)
      squares::transpose_four(source + r * from_step + c * kBytes, from_step, target + c * to_step + r * kBytes,
                              to_step);
  for (std::size_t c = 0; c < cols; ++c)
    for (std::size_t r = c < whole_cols ? whole_rows : 0; r < rows; ++r)
      std::memcpy(target + c * to_step + r * kBytes, source + r * from_step + c * kBytes, kBytes);
}

}  // namespace herm
