// Merges of neurons that are multiples of each other (docs/theory.md, "Recovery: bit for bit"): the parent keeps one
// child's lane as it is, and is a multiple of it, its *gain*. Nothing of that child is coded then, and little of the
// other one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/exact_tree.h"
#include "kernels/lane_grids.h"

namespace herm {

// Whose lane the parent has.
enum KeptLane : std::uint8_t { kKeepsI, kKeepsJ, kKeepsNeither };

// A merge of lanes i < j, its coefficients being those of the lanes: of the children, times their gains.
struct LaneMerge {
  std::size_t i, j;
  double a_i, a_j;
  std::uint8_t kept = kKeepsNeither;
  float gain = 1;  // of the parent

  bool keeps() const { return kept != kKeepsNeither; }
  std::size_t keeper() const { return kept == kKeepsJ ? j : i; }
};

// Fills `kept` and `gain` of all merges, which are in order and absorb where `kept` says so already; turns coefficients
// of neurons into those of lanes. `lanes` are those before the first merge.
void keep_multiples(const Job& job, const Lanes& lanes, const GridRule& grids, std::vector<LaneMerge>& merges);

// Turns every lane into the neuron that it stands for: on the tensor's own grid, gain by gain and element by element.
// Empty gains are all 1. std::invalid_argument for gains that are not finite, or not as many.
struct LaneGains {
  DType dtype = DType::F32;
  int shift = 0;
  std::size_t lanes = 0;
  std::size_t length = 0;
  std::span<const float> gains;          // [lanes]
  std::span<const float> element_gains;  // [length]
  std::uint8_t* words = nullptr;         // [lanes×length]
};
void apply_gains(const Job& job, const LaneGains& args);

}  // namespace herm
