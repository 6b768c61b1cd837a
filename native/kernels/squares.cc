#include "kernels/squares.h"

#if defined(HERM_TARGETS)
// GCC 12 takes the header's own undefined operands for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

namespace herm {

namespace {

#if defined(HERM_TARGETS)
#define HERM_WIDEST __attribute__((target("avx512f")))

template <Stores kStores>
HERM_WIDEST inline void store_line(std::uint8_t* to, __m512 line) {
  if constexpr (kStores == Stores::kStreamed) {
    _mm512_stream_ps(reinterpret_cast<float*>(to), line);
  } else {
    _mm512_storeu_ps(to, line);
  }
}

// Words of pairs of rows side by side, then of four rows, then of all.
template <Stores kStores>
HERM_WIDEST void transpose_widest(const Lines<const std::uint8_t>& from, const Lines<std::uint8_t>& to) {
  __m512 rows[kLineWords], pairs[kLineWords];
  for (std::size_t r = 0; r < kLineWords; ++r) rows[r] = _mm512_loadu_ps(from[r]);
  for (std::size_t r = 0; r < kLineWords; r += 2) {
    pairs[r] = _mm512_unpacklo_ps(rows[r], rows[r + 1]);
    pairs[r + 1] = _mm512_unpackhi_ps(rows[r], rows[r + 1]);
  }
  for (std::size_t r = 0; r < kLineWords; r += 4) {
    for (std::size_t c = 0; c < 2; ++c) {
      const __m512d upper = _mm512_castps_pd(pairs[r + c]), lower = _mm512_castps_pd(pairs[r + 2 + c]);
      rows[r + 2 * c] = _mm512_castpd_ps(_mm512_unpacklo_pd(upper, lower));
      rows[r + 2 * c + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(upper, lower));
    }
  }
  constexpr int kEven = 0x88, kOdd = 0xdd;  // quarters 0 and 2, or 1 and 3, of both operands
  for (std::size_t c = 0; c < 4; ++c) {
    const __m512 even1 = _mm512_shuffle_f32x4(rows[c], rows[4 + c], kEven);
    const __m512 even2 = _mm512_shuffle_f32x4(rows[8 + c], rows[12 + c], kEven);
    const __m512 odd1 = _mm512_shuffle_f32x4(rows[c], rows[4 + c], kOdd);
    const __m512 odd2 = _mm512_shuffle_f32x4(rows[8 + c], rows[12 + c], kOdd);
    store_line<kStores>(to[c], _mm512_shuffle_f32x4(even1, even2, kEven));
    store_line<kStores>(to[4 + c], _mm512_shuffle_f32x4(odd1, odd2, kEven));
    store_line<kStores>(to[8 + c], _mm512_shuffle_f32x4(even1, even2, kOdd));
    store_line<kStores>(to[12 + c], _mm512_shuffle_f32x4(odd1, odd2, kOdd));
  }
}

bool lie_on_lines(const Lines<std::uint8_t>& lines) {
  std::uintptr_t places = 0;
  for (const std::uint8_t* line : lines) places |= reinterpret_cast<std::uintptr_t>(line);
  return places % sizeof(__m512) == 0;
}
#endif

}  // namespace

void transpose_lines(const Lines<const std::uint8_t>& from, const Lines<std::uint8_t>& to, Stores stores) {
#if defined(HERM_TARGETS)
  if (use_widest()) {
    if (stores == Stores::kStreamed && lie_on_lines(to)) return transpose_widest<Stores::kStreamed>(from, to);
    return transpose_widest<Stores::kCached>(from, to);
  }
#endif
  for (std::size_t r = 0; r < kLineWords; r += 4)
    for (std::size_t c = 0; c < kLineWords; c += 4)
      squares::transpose_four([&](std::size_t k) { return from[r + k] + 4 * c; },
                              [&](std::size_t k) { return to[c + k] + 4 * r; });
}

void end_streams() {
#if defined(HERM_TARGETS)
  _mm_sfence();
#endif
}

}  // namespace herm
