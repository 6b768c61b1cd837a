// The merges of exact_tree.cc as they come from a caller or a file, checked, and which grid each lane is on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/exact_tree.h"

namespace herm {

// One merge with its coefficients as doubles.
struct ExactMerge {
  std::size_t i = 0, j = 0;
  double a_i = 0, a_j = 0;

  bool absorbing() const { return (a_i == 1 && a_j == 0) || (a_i == 0 && a_j == 1); }
  bool follows_j_when_absorbing() const { return a_i == 0; }
};

// What the two children are to exact coding.
struct Roles {
  ExactMerge merge;
  bool followed_is_j = false;
  bool followed_coarse = false;
  bool coded_coarse = false;

  double a_followed() const { return followed_is_j ? merge.a_j : merge.a_i; }
  double a_coded() const { return followed_is_j ? merge.a_i : merge.a_j; }
  bool parent_coarse() const { return !merge.absorbing() || followed_coarse; }
  std::uint8_t flags() const {
    return static_cast<std::uint8_t>((followed_is_j ? kFollowedIsJ : 0) | (followed_coarse ? kFollowedCoarse : 0) |
                                     (coded_coarse ? kCodedCoarse : 0) | (merge.absorbing() ? kAbsorbed : 0));
  }
};

// KernelError HERM_CORRUPT about merge t.
[[noreturn]] void corrupt_merge(std::size_t t, const char* what);

// Merges [from, to). std::invalid_argument where the lanes' own sizes disagree, KernelError HERM_CORRUPT for slots and
// coefficients that no tree has.
std::vector<ExactMerge> read_merges(const Lanes& lanes, const LaneTree& tree, std::size_t from, std::size_t to);

// Keeps lanes.coarse through a merge.
void merge_grids(const Lanes& lanes, const ExactMerge& merge);

// The roles of all merges in turn, from the side of the followed child of each; lanes.coarse becomes what it is at the
// end.
std::vector<Roles> assign_roles(const Lanes& lanes, const std::vector<ExactMerge>& merges,
                                const std::vector<bool>& followed_is_j);

// The roles that the flags of merges [from, …) tell, checked against coefficients and the grids of the living lanes;
// lanes.coarse becomes what it was before these merges.
std::vector<Roles> read_roles(const Lanes& lanes, const std::vector<ExactMerge>& merges, std::size_t from,
                              std::span<const std::uint8_t> flags);

// The two grids of a tensor, and which elements are on the coarse one whatever their lane.
struct Grids {
  explicit Grids(const Lanes& lanes)
      : fine(lanes.shift), coarse(lanes.shift + guard_bits(lanes.dtype, lanes.shift)), elements(lanes.element_coarse) {}

  int of(bool lane_coarse, std::size_t element) const {
    return lane_coarse || (!elements.empty() && elements[element] != 0) ? coarse : fine;
  }

  int fine, coarse;
  std::span<const std::uint8_t> elements;
};

}  // namespace herm
