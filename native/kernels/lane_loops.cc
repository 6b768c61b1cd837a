#include "kernels/lane_loops.h"

#include "kernels/lane_models.h"
#include "kernels/simd.h"

#define HERM_LOOPS "kernels/lane_loops_lanes.h"
#include "kernels/each_cpu.h"

namespace herm {

namespace {

template <DType D, template <DType> class Loops>
constexpr LaneLoops<D> kLoops{Loops<D>::levels,  Loops<D>::contexts, Loops<D>::mark_coarse,
                              Loops<D>::words,   Loops<D>::ordinals, Loops<D>::all_relative,
                              Loops<D>::numbers, Loops<D>::ranges,   Loops<D>::choices};

}  // namespace

template <DType D>
std::vector<const LaneLoops<D>*> all_lane_loops() {
  std::vector<const LaneLoops<D>*> all{&kLoops<D, baseline::Loops>};
#if defined(HERM_TARGETS)
  if (use_wide()) all.push_back(&kLoops<D, wide::Loops>);
  if (use_widest()) all.push_back(&kLoops<D, widest::Loops>);
#endif
  return all;
}

template <DType D>
const LaneLoops<D>& lane_loops() {
  static const LaneLoops<D>& widest_of_all = *all_lane_loops<D>().back();
  return widest_of_all;
}

template std::vector<const LaneLoops<DType::F64>*> all_lane_loops();
template std::vector<const LaneLoops<DType::F32>*> all_lane_loops();
template std::vector<const LaneLoops<DType::F16>*> all_lane_loops();
template std::vector<const LaneLoops<DType::BF16>*> all_lane_loops();
template const LaneLoops<DType::F64>& lane_loops();
template const LaneLoops<DType::F32>& lane_loops();
template const LaneLoops<DType::F16>& lane_loops();
template const LaneLoops<DType::BF16>& lane_loops();

}  // namespace herm
