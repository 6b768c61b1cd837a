#include "kernels/pair_batch.h"

#include <limits>

#include "kernels/simd.h"

namespace herm {

namespace {

// 1 − ρ² below which a Gram matrix has lost too many digits of what its vectors say.
constexpr double kParallel = 1e-4;

constexpr double kPi4 = 0.78539816339744830962, kPi2 = 1.57079632679489661923;
constexpr double kTanPi8 = 0.41421356237309504880;

// (arctan √z / √z − 1)/z on [0, tan² π/8], by powers of z: the best polynomial in Chebyshev's sense, to 3e-17 of it.
constexpr std::array<double, 11> kArctan{
    -0.3333333333333333,   0.19999999999995516, -0.14285714284665682,  0.11111111015187018,
    -0.0909090457530649,   0.07692183125376892, -0.06664510525508936,  0.05858140904866328,
    -0.050854078345894844, 0.03923044778479309, -0.019175404711104935,
};

}  // namespace

}  // namespace herm

#define HERM_LOOPS "kernels/pair_batch_lanes.h"
#include "kernels/each_cpu.h"

namespace herm {

void batch_shares(const PairBatch& pairs, BatchShares& result) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::batch_shares(pairs, result);
  if (use_wide()) return wide::batch_shares(pairs, result);
#endif
  baseline::batch_shares(pairs, result);
}

void batch_gates(const PairBatch& pairs, std::array<PairBatch::Row, 2>& gates) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::batch_gates(pairs, gates);
  if (use_wide()) return wide::batch_gates(pairs, gates);
#endif
  baseline::batch_gates(pairs, gates);
}

}  // namespace herm
