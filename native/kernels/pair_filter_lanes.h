// The loops of pair_filter.cc, which each_cpu.h compiles. No include guard.
namespace herm::HERM_SIMD {

namespace {

constexpr std::size_t kWidth = HERM_SIMD_BYTES / sizeof(float);
using Register = typename FloatVectorOf<kWidth>::type;
using Choice = decltype(Register{} < Register{});

// A bit a lane.
HERM_INLINE std::uint64_t bits_of(const Choice& choice) {
#if !defined(HERM_TARGETS)
  std::uint64_t bits = 0;
  for (std::size_t l = 0; l < kWidth; ++l) bits |= static_cast<std::uint64_t>(choice[l] != 0) << l;
  return bits;
#elif HERM_SIMD_BYTES == 64
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(choice));
#elif HERM_SIMD_BYTES == 32
  return static_cast<std::uint64_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(choice)));
#else
  return static_cast<std::uint64_t>(_mm_movemask_ps(reinterpret_cast<__m128>(choice)));
#endif
}

}  // namespace

std::uint64_t pairs_below(const float* r, float worst) {
  std::uint64_t who = 0;
  for (std::size_t l = 0; l < kStretch; l += kWidth) who |= bits_of(load_lanes<Register>(r + l) < worst) << l;
  return who;
}

std::uint64_t pairs_that_matter(const float* r, const float* limits, const float* strengths, float worst,
                                float strength) {
  std::uint64_t who = 0;
  for (std::size_t l = 0; l < kStretch; l += kWidth) {
    const auto swept = load_lanes<Register>(r + l);
    const Choice wanted = swept < load_lanes<Register>(limits + l);
    const Choice kept = (swept < worst) & (load_lanes<Register>(strengths + l) >= strength);
    who |= bits_of(wanted | kept) << l;
  }
  return who;
}

}  // namespace herm::HERM_SIMD
