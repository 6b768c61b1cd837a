#include "kernels/pair_sweep.h"

#include <array>
#include <cmath>

#include "kernels/matrix_view.h"
#include "kernels/simd.h"

namespace herm {

namespace {

// Amplitudes further apart than this are as good as infinitely far: absorbing is all there is.
constexpr float kFarthest = 1e4f;
constexpr double kLongestReach = 1e15f;
// Bounds the rounding of r, per unit of the pair's energy (measured: pair_sweep_test.cc).
constexpr float kRounding = 2e-6f;
// As in mixture.h: inputs this close to opposite are not mixed.
constexpr float kOppositeSquared = 0.01f;
// 1 + ρ_2 at least, where parent and stronger child are not nearly opposite.
constexpr float kLeastSum = 1e-3f;
// Amplitudes below this have no inverse: such a neuron's pairs cost next to nothing.
constexpr double kFaintest = 1e-30;
// Coefficients below this only make products denormal, and slow.
constexpr double kNegligible = 1e-9;

}  // namespace

Profiles::Profiles(std::size_t capacity)
    : stride_((capacity + kSweepPadding - 1) / kSweepPadding * kSweepPadding + kSweepPadding),
      values_(checked_mul(kFields, stride_)) {}

void Profiles::push(const HermiteSeries& series, double amplitude) {
  const std::size_t at = size_++;
  const auto set = [&](std::size_t field, double value) {
    values_[field * stride_ + at] = std::fabs(value) < kNegligible ? 0 : static_cast<float>(value);
  };
  const double scale = series.second > 0 ? 1 / std::sqrt(series.second) : 0;
  const ShortSeries profile = shorten(series);
  for (std::size_t k = 0; k <= kProfileDegree; ++k) set(k, profile.c[k] * scale);
  set(kEven, profile.even_tail * scale);
  set(kOdd, profile.odd_tail * scale);
  values_[kAmplitude * stride_ + at] = static_cast<float>(amplitude);
  values_[kInverse * stride_ + at] = amplitude > kFaintest ? static_cast<float>(1 / amplitude) : 0;
  values_[kReach * stride_ + at] = static_cast<float>(std::fmin(series.dev * scale, kLongestReach));
}

void Profiles::compact(const std::vector<std::uint32_t>& kept) {
  for (std::size_t f = 0; f < kFields; ++f) {
    float* values = values_.data() + f * stride_;
    for (std::size_t p = 0; p < kept.size(); ++p) values[p] = values[kept[p]];
  }
  size_ = kept.size();
}

}  // namespace herm

#define HERM_SIMD baseline
#define HERM_SIMD_WIDTH 4
#include "kernels/float_lanes.h"
#include "kernels/pair_sweep_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH

#if defined(HERM_TARGETS)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#pragma GCC optimize("fp-contract=fast")
#define HERM_SIMD wide
#define HERM_SIMD_WIDTH 8
#include "kernels/float_lanes.h"
#include "kernels/pair_sweep_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")
#pragma GCC optimize("fp-contract=fast")
#define HERM_SIMD widest
#define HERM_SIMD_WIDTH 16
#include "kernels/float_lanes.h"
#include "kernels/pair_sweep_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH
#pragma GCC pop_options
#endif

namespace herm {

void sweep_pairs(const PairSweep& sweep, std::size_t begin, std::size_t end, float* r) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::sweep_pairs(sweep, begin, end, r);
  if (use_wide()) return wide::sweep_pairs(sweep, begin, end, r);
#endif
  baseline::sweep_pairs(sweep, begin, end, r);
}

}  // namespace herm
