#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <bit>

#include "kernels/close_up.h"
#include "kernels/simd.h"

namespace herm {

namespace {

#if defined(HERM_TARGETS)
__attribute__((target("avx512f"))) void close_up_widest(const float* values, const Living& living, std::size_t begin,
                                                        std::size_t end, float* to) {
  for (std::size_t p = begin; p < end; p += Living::kWord, values += Living::kWord) {
    __builtin_prefetch(values + kReadAhead);
    const std::uint16_t bits = living.bits(p / Living::kWord);
    _mm512_storeu_ps(to, _mm512_maskz_compress_ps(bits, _mm512_loadu_ps(values)));
    to += std::popcount(bits);
  }
}
#endif

}  // namespace

void close_up(const float* values, const Living& living, std::size_t begin, std::size_t end, float* to) {
#if defined(HERM_TARGETS)
  if (use_widest()) return close_up_widest(values, living, begin, end, to);
#endif
  for (std::size_t p = begin; p < end; ++p)
    if (living[p]) *to++ = values[p - begin];
}

}  // namespace herm
