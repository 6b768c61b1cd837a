#include "kernels/gated_sweep.h"

#include <array>
#include <cmath>

#include "kernels/simd.h"

namespace herm {

namespace {

constexpr float kSimilarGates = 0.5f;
// The share of a neuron's energy beyond degree 12 that a bend can have, twice: σ_2² is not known better.
constexpr float kDegreesLeftOut = 0.02f;
constexpr float kGatedRounding = 4e-6f;

constexpr std::array<float, GatedProfileFields::kTerms> kRoots{
    1.0f,        1.41421356f, 1.73205081f, 2.0f,        2.23606798f, 2.44948974f, 2.64575131f,
    2.82842712f, 3.0f,        3.16227766f, 3.31662479f, 3.46410162f, 3.60555128f, 3.74165739f};  // √(k+1)

}  // namespace

void GatedProfiles::push(const GatedSeries& series, double value, double amplitude) {
  append();
  const double scale = series.second > 0 ? 1 / std::sqrt(series.second) : 0;
  for (std::size_t k = 0; k < Field::kTerms; ++k) {
    set_coefficient(Field::kA + k, series.a[k] * scale);
    set_coefficient(Field::kB + k, series.b[k] * scale * value);
  }
  set_coefficient(Field::kSlope, value > 0 ? series.slope / value : 0);
  set(Field::kAmplitude, amplitude);
}

}  // namespace herm

#define HERM_LOOPS "kernels/gated_sweep_lanes.h"
#define HERM_FUSED
#include "kernels/each_cpu.h"

namespace herm {

void sweep_gated(const GatedSweep& sweep, std::size_t begin, std::size_t end, float* r) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::sweep_gated(sweep, begin, end, r);
  if (use_wide()) return wide::sweep_gated(sweep, begin, end, r);
#endif
  baseline::sweep_gated(sweep, begin, end, r);
}

}  // namespace herm
