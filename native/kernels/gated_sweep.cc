#include "kernels/gated_sweep.h"

#include <array>
#include <cmath>

#include "kernels/pair_sweep.h"
#include "kernels/simd.h"

namespace herm {

namespace {

constexpr float kSimilarGates = 0.5f;
// The share of a neuron's energy beyond degree 12 that a bend can have, twice: σ_2² is not known better.
constexpr float kDegreesLeftOut = 0.02f;
constexpr float kGatedRounding = 4e-6f;
constexpr float kFarthest = 1e4f;
// Coefficients below this only make products denormal, and slow.
constexpr double kNegligible = 1e-9;

constexpr std::array<float, GatedProfiles::kTerms> kRoots{
    1.0f,        1.41421356f, 1.73205081f, 2.0f,        2.23606798f, 2.44948974f, 2.64575131f,
    2.82842712f, 3.0f,        3.16227766f, 3.31662479f, 3.46410162f, 3.60555128f, 3.74165739f};  // √(k+1)

}  // namespace

GatedProfiles::GatedProfiles(std::size_t capacity)
    : stride_((capacity + kSweepPadding - 1) / kSweepPadding * kSweepPadding + kSweepPadding),
      values_(checked_mul(kFields, stride_)) {}

void GatedProfiles::push(const GatedSeries& series, double value, double amplitude) {
  const std::size_t at = size_++;
  const auto set = [&](std::size_t field, double x) {
    values_[field * stride_ + at] = std::fabs(x) < kNegligible ? 0 : static_cast<float>(x);
  };
  const double scale = series.second > 0 ? 1 / std::sqrt(series.second) : 0;
  for (std::size_t k = 0; k < kTerms; ++k) {
    set(kA + k, series.a[k] * scale);
    set(kB + k, series.b[k] * scale * value);
  }
  set(kSlope, value > 0 ? series.slope / value : 0);
  values_[kAmplitude * stride_ + at] = static_cast<float>(amplitude);
}

void GatedProfiles::compact(const std::vector<std::uint32_t>& kept) {
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
#include "kernels/gated_sweep_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH

#if defined(HERM_TARGETS)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#pragma GCC optimize("fp-contract=fast")
#define HERM_SIMD wide
#define HERM_SIMD_WIDTH 8
#include "kernels/float_lanes.h"
#include "kernels/gated_sweep_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")
#pragma GCC optimize("fp-contract=fast")
#define HERM_SIMD widest
#define HERM_SIMD_WIDTH 16
#include "kernels/float_lanes.h"
#include "kernels/gated_sweep_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH
#pragma GCC pop_options
#endif

namespace herm {

void sweep_gated(const GatedSweep& sweep, std::size_t begin, std::size_t end, float* r) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::sweep_gated(sweep, begin, end, r);
  if (use_wide()) return wide::sweep_gated(sweep, begin, end, r);
#endif
  baseline::sweep_gated(sweep, begin, end, r);
}

}  // namespace herm
