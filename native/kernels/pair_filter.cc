#include "kernels/pair_filter.h"

#include "kernels/simd.h"

#if defined(HERM_TARGETS)
#include <immintrin.h>
#endif

#define HERM_LOOPS "kernels/pair_filter_lanes.h"
#include "kernels/each_cpu.h"

namespace herm {

std::uint64_t pairs_below(const float* r, float worst) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::pairs_below(r, worst);
  if (use_wide()) return wide::pairs_below(r, worst);
#endif
  return baseline::pairs_below(r, worst);
}

std::uint64_t pairs_that_matter(const float* r, const float* limits, const float* strengths, float worst,
                                float strength) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::pairs_that_matter(r, limits, strengths, worst, strength);
  if (use_wide()) return wide::pairs_that_matter(r, limits, strengths, worst, strength);
#endif
  return baseline::pairs_that_matter(r, limits, strengths, worst, strength);
}

}  // namespace herm
