// Exact coding of a merge tree (docs/theory.md, "Recovery: bit for bit"): the tree applied to the bit patterns of a
// weight tensor so that every merge can be undone to the last bit.
//
// A *lane* is one neuron's weights; lanes are [lanes×length] raw words of a dtype, lane s belonging to slot s. Merge t
// of a tree joins lanes i < j into the parent  round(a_i·x_i + a_j·x_j),  which takes lane i; lane j keeps one child as
// it is (the *coded* one) and the other, *followed* child is recorded by its place among the few numbers that round to
// this parent. Doing so for every merge turns m lanes into m lanes (roots, and coded children in slots j_t) and one
// lane of places ("indexes") a merge.
//
// Every result depends on IEEE + − × ÷ and rounding alone: the same bits on every CPU and for every thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

// Numbers in a lane lie on one of two grids: bit patterns whose low `shift` bits are zero (as the tensor's own are),
// or, for parents, guard_bits() more. Coarse parents keep the followed child's index from costing more than they save.
int guard_bits(DType dtype, int shift);

// The low bits that are zero in all `count` words, at most the dtype's mantissa bits; 0 where every number is zero.
// KernelError NON_FINITE for an infinity or NaN: such tensors have no exact coding.
int tensor_shift(const Job& job, DType dtype, const std::uint8_t* words, std::size_t count);

// Lanes in their current state, changed in place.
struct Lanes {
  DType dtype = DType::F32;
  int shift = 0;
  std::size_t lanes = 0;
  std::size_t length = 0;
  std::uint8_t* words = nullptr;                 // [lanes×length], any alignment
  std::span<std::uint8_t> coarse;                // [lanes] 1 where a lane lies on the coarse grid; in and out
  std::span<const std::uint8_t> element_coarse;  // [length], or empty: elements on the coarse grid in every lane,
                                                 // because a tree over the other axis was applied before
};

// n merges, fine to coarse: any run of consecutive merges of one tree, numbered from 0 here.
struct LaneTree {
  std::span<const std::uint32_t> pairs;         // [2n] slots i < j
  std::span<const std::uint16_t> coefficients;  // [2n] half-precision bits, finite, not both zero

  std::size_t merges() const { return pairs.size() / 2; }
};

// What decoding must know of a merge beside its slots and coefficients.
enum MergeFlag : std::uint8_t {
  kFollowedIsJ = 1,     // the followed child is the one in slot j
  kFollowedCoarse = 2,  // the followed child's lane is on the coarse grid
  kCodedCoarse = 4,     // the coded child's lane (what lane j holds after the merge) is
  kAbsorbed = 8,        // coefficients (1, 0) or (0, 1): the parent is the followed child, all indexes are 0
};

// Merges [from, to) without indexes: afterwards lane i holds the parent, lane j is unspecified. The skeletons that
// decoding gives, made in one direction.
void merge_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, std::size_t from, std::size_t to);

// All merges of the tree. `flags` [n] and `indexes` [n×length] (words of the dtype's size) receive what encode wrote;
// lanes.coarse holds at the end, for every slot, the grid of the number that stays there.
void forward_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, std::span<std::uint8_t> flags,
                   std::uint8_t* indexes);

// Undoes merges to−1 … from, so that an opened skeleton can be widened further by another call; lanes.coarse as
// forward_lanes left it for the living lanes. `present` [length], or empty for all: 0 where an element of the lanes has
// no indexes (a merged row of a matrix that two trees share); such elements get the nearest number that the parent and
// the coded child give. KernelError HERM_CORRUPT where no encoder can have written these lanes, flags and indexes.
void inverse_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, std::size_t from, std::size_t to,
                   std::span<const std::uint8_t> flags, const std::uint8_t* indexes,
                   std::span<const std::uint8_t> present);

}  // namespace herm
