#include "kernels/pair_sweep.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/simd.h"

namespace herm {

namespace {

constexpr double kLongestReach = 1e8;
// Taken off an estimate for its rounding, once and once more for every unit of the amplitudes' ratio: what it mostly is
// where inputs are not nearly parallel.
constexpr float kRounding = 2e-6f;
// As in mixture.h: inputs this close to opposite are not mixed.
constexpr float kOppositeSquared = 0.01f;
// 1 + ρ_2 at least, where parent and stronger child are not nearly opposite.
constexpr float kLeastSum = 1e-3f;
// Amplitudes below this have no inverse: such a neuron's pairs cost next to nothing.
constexpr double kFaintest = 1e-30;

}  // namespace

void Profiles::push(const HermiteSeries& series, double amplitude) {
  append();
  const double scale = series.second > 0 ? 1 / std::sqrt(series.second) : 0;
  const ShortSeries profile = shorten(series);
  for (std::size_t k = 0; k <= kProfileDegree; ++k) set_coefficient(k, profile.c[k] * scale);
  set_coefficient(Field::kEven, profile.even_tail * scale);
  set_coefficient(Field::kOdd, profile.odd_tail * scale);
  set(Field::kAmplitude, amplitude);
  set(Field::kInverse, amplitude > kFaintest ? 1 / amplitude : 0);
  set(Field::kReach, std::fmin(series.dev * scale, kLongestReach));
}

}  // namespace herm

#define HERM_LOOPS "kernels/pair_sweep_lanes.h"
#define HERM_FUSED
#include "kernels/each_cpu.h"

namespace herm {

void sweep_pairs(const PairSweep& sweep, std::size_t begin, std::size_t end, float* r) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::sweep_pairs(sweep, begin, end, r);
  if (use_wide()) return wide::sweep_pairs(sweep, begin, end, r);
#endif
  baseline::sweep_pairs(sweep, begin, end, r);
}

}  // namespace herm
