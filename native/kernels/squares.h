// Transposing in squares that fit a cache line a row: writing down whole columns would fetch a line for every number.
#pragma once

#include <algorithm>
#include <array>
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

// to(c)[r] = from(r)[c] for r, c < 4.
template <class From, class To>
HERM_INLINE void transpose_four(From from, To to) {
  const Four a = load_lanes<Four>(from(0)), b = load_lanes<Four>(from(1));
  const Four c = load_lanes<Four>(from(2)), d = load_lanes<Four>(from(3));
  const Four ab = pick<0, 4, 1, 5>(a, b), cd = pick<0, 4, 1, 5>(c, d);
  const Four ba = pick<2, 6, 3, 7>(a, b), dc = pick<2, 6, 3, 7>(c, d);
  store_lanes(pick<0, 1, 4, 5>(ab, cd), to(0));
  store_lanes(pick<2, 3, 6, 7>(ab, cd), to(1));
  store_lanes(pick<0, 1, 4, 5>(ba, dc), to(2));
  store_lanes(pick<2, 3, 6, 7>(ba, dc), to(3));
}

}  // namespace squares

// Streamed stores go past the caches, which need not fetch lines that are overwritten as a whole: for targets that are
// larger than the caches, or read much later. Threads that stream call end_streams() before others read.
enum class Stores : std::uint8_t { kCached, kStreamed };
constexpr std::size_t kStreamedBytes = std::size_t{4} << 20;
inline Stores stores_for(std::size_t bytes) { return bytes > kStreamedBytes ? Stores::kStreamed : Stores::kCached; }
void end_streams();

constexpr std::size_t kLineWords = 16;  // of four bytes
template <class T>
using Lines = std::array<T*, kLineWords>;

// Word r of to[c] = word c of from[r], any words of four bytes. Lines that are not where cache lines are do not stream.
void transpose_lines(const Lines<const std::uint8_t>& from, const Lines<std::uint8_t>& to,
                     Stores stores = Stores::kCached);

// to(c, r) = from(r, c) for r < rows and c < cols, words of kBytes anywhere in memory; steps of a row in bytes.
template <std::size_t kBytes>
void transpose_words(const void* from, std::size_t from_step, std::size_t rows, std::size_t cols, void* to,
                     std::size_t to_step, Stores stores = Stores::kCached) {
  const auto* source = static_cast<const std::uint8_t*>(from);
  auto* target = static_cast<std::uint8_t*>(to);
  std::size_t whole_rows = 0, whole_cols = 0;
  if constexpr (kBytes == sizeof(float)) {
    if (rows == kLineWords && cols == kLineWords) {
      Lines<const std::uint8_t> from_lines;
      Lines<std::uint8_t> to_lines;
      for (std::size_t k = 0; k < kLineWords; ++k) {
        from_lines[k] = source + k * from_step;
        to_lines[k] = target + k * to_step;
      }
      return transpose_lines(from_lines, to_lines, stores);
    }
    whole_rows = rows / 4 * 4;
    whole_cols = cols / 4 * 4;
    for (std::size_t c = 0; c < whole_cols; c += 4)
      for (std::size_t r = 0; r < whole_rows; r += 4)
        squares::transpose_four([&](std::size_t k) { return source + (r + k) * from_step + c * kBytes; },
                                [&](std::size_t k) { return target + (c + k) * to_step + r * kBytes; });
  }
  for (std::size_t c = 0; c < cols; ++c)
    for (std::size_t r = c < whole_cols ? whole_rows : 0; r < rows; ++r)
      std::memcpy(target + c * to_step + r * kBytes, source + r * from_step + c * kBytes, kBytes);
}

}  // namespace herm
