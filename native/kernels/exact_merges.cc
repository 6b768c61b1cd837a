#include "kernels/exact_merges.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "kernels/error.h"
#include "kernels/float_grid.h"

namespace herm {

namespace {

int mantissa_bits(DType dtype) {
  switch (dtype) {
    case DType::F64:
      return FloatGrid<DType::F64>::kMantissa;
    case DType::F32:
      return FloatGrid<DType::F32>::kMantissa;
    case DType::F16:
      return FloatGrid<DType::F16>::kMantissa;
    default:
      return FloatGrid<DType::BF16>::kMantissa;
  }
}

}  // namespace

int guard_bits(DType dtype, int shift) {
  const int mantissa = mantissa_bits(dtype) - shift;
  const int bits = mantissa >= 13 ? 3 : mantissa >= 9 ? 2 : 1;
  return std::max(0, std::min(bits, mantissa - 1));
}

void corrupt_merge(std::size_t t, const char* what) {
  throw KernelError("HERM_CORRUPT", "merge " + std::to_string(t) + ": " + what);
}

std::vector<ExactMerge> read_merges(const Lanes& lanes, const LaneTree& tree, std::size_t from, std::size_t to) {
  if (tree.pairs.size() % 2 != 0 || tree.coefficients.size() != tree.pairs.size() || from > to || to > tree.merges()) {
    throw std::invalid_argument("a tree needs two slots and two coefficients a merge");
  }
  if (lanes.coarse.size() != lanes.lanes ||
      (!lanes.element_coarse.empty() && lanes.element_coarse.size() != lanes.length)) {
    throw std::invalid_argument("lanes need one grid a lane, and one an element or none");
  }
  if (lanes.shift < 0 || lanes.shift > mantissa_bits(lanes.dtype)) throw std::invalid_argument("shift is out of range");
  std::vector<ExactMerge> merges(to - from);
  for (std::size_t t = from; t < to; ++t) {
    ExactMerge& merge = merges[t - from];
    merge.i = tree.pairs[2 * t];
    merge.j = tree.pairs[2 * t + 1];
    if (merge.i >= merge.j || merge.j >= lanes.lanes) corrupt_merge(t, "its slots are out of order or range");
    double a[2];
    widen(DType::F16, tree.coefficients.data() + 2 * t, 2, a);
    if (!std::isfinite(a[0]) || !std::isfinite(a[1]) || (a[0] == 0 && a[1] == 0)) {
      corrupt_merge(t, "its coefficients are not finite or both zero");
    }
    merge.a_i = a[0];
    merge.a_j = a[1];
  }
  return merges;
}

void merge_grids(const Lanes& lanes, const ExactMerge& merge) {
  lanes.coarse[merge.i] =
      merge.absorbing() ? lanes.coarse[merge.follows_j_when_absorbing() ? merge.j : merge.i] : std::uint8_t{1};
}

std::vector<Roles> assign_roles(const Lanes& lanes, const std::vector<ExactMerge>& merges,
                                const std::vector<bool>& followed_is_j) {
  std::vector<Roles> roles(merges.size());
  for (std::size_t t = 0; t < merges.size(); ++t) {
    const bool j = followed_is_j[t];
    const bool coarse_i = lanes.coarse[merges[t].i] != 0;
    const bool coarse_j = lanes.coarse[merges[t].j] != 0;
    roles[t] = {merges[t], j, j ? coarse_j : coarse_i, j ? coarse_i : coarse_j};
    merge_grids(lanes, merges[t]);
    lanes.coarse[merges[t].j] = roles[t].coded_coarse;
  }
  return roles;
}

std::vector<Roles> read_roles(const Lanes& lanes, const std::vector<ExactMerge>& merges, std::size_t from,
                              std::span<const std::uint8_t> flags) {
  std::vector<Roles> roles(merges.size());
  for (std::size_t k = merges.size(); k-- > 0;) {
    const std::uint8_t flag = flags[from + k];
    const bool j = (flag & kFollowedIsJ) != 0;
    const Roles& role = roles[k] = {merges[k], j, (flag & kFollowedCoarse) != 0, (flag & kCodedCoarse) != 0};
    const bool parent_coarse = lanes.coarse[merges[k].i] != 0;
    if (flag != role.flags() || role.a_followed() == 0)
      corrupt_merge(from + k, "its flags contradict its coefficients");
    if (parent_coarse != role.parent_coarse()) {
      corrupt_merge(from + k, "its flags contradict the grid of its parent");
    }
    lanes.coarse[merges[k].i] = j ? role.coded_coarse : role.followed_coarse;
    lanes.coarse[merges[k].j] = j ? role.followed_coarse : role.coded_coarse;
  }
  return roles;
}

}  // namespace herm
