// Exact coding of a merge tree (docs/theory.md, "Recovery: bit for bit"): the tree applied to the bit patterns of a
// weight tensor so that every merge can be undone to the last bit.
//
// A *lane* is one neuron's weights; lanes are [lanes×length] raw words of a dtype, lane s belonging to slot s. Merge t
// of a tree joins lanes i < j into the parent  round(a_i·x_i + a_j·x_j),  on a grid coarser than the children's. One
// child is then coded in the light of its parent, and the other, the *followed* one, is one of the few numbers that
// round to this parent (lane_code.h). Where one child is a multiple of the other, or has no part in the parent, the
// parent keeps the lane of one child as it is, and is a multiple of it (lane_gains.h).
//
// Every result depends on IEEE + − × ÷ and rounding alone: the same bits on every CPU and for every thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

// By slot, changed in place.
struct Lanes {
  DType dtype = DType::F32;
  int shift = 0;
  std::size_t lanes = 0;
  std::size_t length = 0;
  std::uint8_t* words = nullptr;                  // [lanes×length], any alignment
  std::span<const std::uint16_t> element_floors;  // [length] grids of the elements, because a tree over the other axis
                                                  // was applied before: 0 the tensor's own; or empty: all 0
};

// n merges, fine to coarse.
struct LaneTree {
  std::span<const std::uint32_t> pairs;         // [2n] slots i < j
  std::span<const std::uint16_t> coefficients;  // [2n] half-precision bits, finite, not both zero

  std::size_t merges() const { return pairs.size() / 2; }
};

// What a tree's merges are to a tensor. Grids (float_grid.h) begin to be evenly spaced about where the lane's own
// numbers lie: what is far below the others is not worth more bits, and children of different sizes leave no gaps then.
struct LanePlan {
  std::vector<std::int8_t> element_shifts;  // [length] by which elements differ in scale (lane_code.h)
  std::vector<std::uint8_t> followed_is_j;  // [n]
  std::vector<std::uint16_t> floors;  // [n] of the parent's grid, or of the lane that it keeps: 0 the tensor's own
  std::vector<std::uint8_t> kept;     // [n] whose lane the parent has (KeptLane)
  std::vector<float> gains;           // [n] the parent's numbers are those of its lane times this
};

// Leaves the lanes as they are. std::invalid_argument, or KernelError HERM_CORRUPT for what no tree has.
// `even`: elements are taken to be of one scale.
LanePlan plan_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, bool even = false);

// Merges [from, to): afterwards lane i holds the parent's lane, lane j is what it was.
void merge_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, const LanePlan& plan, std::size_t from,
                 std::size_t to);

// All nodes: the K roots by slot, then, coarse to fine, the children i and j of every merge.
struct NodeNotes {
  std::span<std::uint16_t> floors;        // [K + 2n] of the nodes' grids
  std::span<float> gains;                 // [K + 2n]
  std::span<std::uint16_t> coefficients;  // [2n] coarse to fine; (1, 0) or (0, 1) where the parent keeps a lane
  std::span<std::uint8_t> followed;       // [n] coarse to fine
};
// All merges, keeping every node's lane: `nodes` [(K + 2n)×length].
void unfold_nodes(const Job& job, const Lanes& lanes, const LaneTree& tree, const LanePlan& plan, std::uint8_t* nodes,
                  const NodeNotes& notes);

// [lanes] by slot, after the first `count` merges.
std::vector<float> gains_after(const LaneTree& tree, const LanePlan& plan, std::size_t lanes, std::size_t count);

}  // namespace herm
