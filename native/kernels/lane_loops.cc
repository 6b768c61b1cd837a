#include "kernels/lane_loops.h"

#include "kernels/lane_models.h"
#include "kernels/simd.h"

#define HERM_LOOPS "kernels/lane_loops_lanes.h"
#include "kernels/each_cpu.h"

namespace herm {

namespace {

template <DType D, template <DType> class Loops>
constexpr LaneLoops<D> kLoops{Loops<D>::levels, Loops<D>::contexts, Loops<D>::words, Loops<D>::ordinals,
                              Loops<D>::ranges};

}  // namespace

template <DType D>
const LaneLoops<D>& lane_loops() {
#if defined(HERM_TARGETS)
  if (use_widest()) return kLoops<D, widest::Loops>;
  if (use_wide()) return kLoops<D, wide::Loops>;
#endif
  return kLoops<D, baseline::Loops>;
}

template const LaneLoops<DType::F64>& lane_loops();
template const LaneLoops<DType::F32>& lane_loops();
template const LaneLoops<DType::F16>& lane_loops();
template const LaneLoops<DType::BF16>& lane_loops();

}  // namespace herm
