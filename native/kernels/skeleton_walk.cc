#include "kernels/skeleton_walk.h"

#include <stdexcept>

#include "kernels/lane_copy.h"

namespace herm {

SkeletonWalk::SkeletonWalk(const Job& job, const StoredBlock& block, const TreeView& tree)
    : tree_(tree),
      input_(load(job, block.input)),
      output_(load(job, block.output)),
      alive_(block.input.neurons(), 1),
      living_(block.input.neurons()) {
  const std::size_t merges = tree.merges();
  if (block.output.neurons() != living_ || (living_ > 0 && merges >= living_) || tree.alpha.size() != 2 * merges ||
      tree.beta.size() != 2 * merges || tree.bias.size() != merges) {
    throw std::invalid_argument("the tree does not fit the block");
  }
  // Every slot that a merge reads is alive then: nothing below needs to look again.
  std::vector<char> alive(alive_);
  for (std::size_t t = 0; t < merges; ++t) {
    const std::size_t i = tree.pairs[2 * t], j = tree.pairs[2 * t + 1];
    if (i >= j || j >= living_ || !alive[i] || !alive[j])
      throw std::invalid_argument("the tree does not fit the block");
    alive[j] = 0;
  }
  if (!block.has_bias) return;
  bias_.resize(living_);
  if (checked_mul(block.bias.rows, block.bias.cols) != living_)
    throw std::invalid_argument("the bias does not fit the block");
  widen(block.bias.dtype, block.bias.bytes, living_, bias_.data());
}

SkeletonWalk::Side SkeletonWalk::load(const Job& job, const StoredMatrix& stored) {
  const std::size_t count = checked_mul(stored.rows, stored.cols);
  Side side;
  side.words.resize(checked_mul(count, dtype_bytes(stored.dtype)));
  side.coarse.assign(stored.neurons(), 0);
  load_lanes(job, stored, side.words.data());
  side.lanes.dtype = stored.dtype;
  side.lanes.shift = tensor_shift(job, stored.dtype, side.words.data(), count);
  side.lanes.lanes = stored.neurons();
  side.lanes.length = stored.width();
  side.lanes.words = side.words.data();
  side.lanes.coarse = side.coarse;
  return side;
}

void SkeletonWalk::narrow_to(const Job& job, std::size_t width) {
  if (width > living_ || width + tree_.merges() < alive_.size()) throw std::invalid_argument("no such width");
  const std::size_t to = merged_ + living_ - width;
  merge_lanes(job, input_.lanes, {tree_.pairs, tree_.alpha}, merged_, to);
  merge_lanes(job, output_.lanes, {tree_.pairs, tree_.beta}, merged_, to);
  for (; merged_ < to; ++merged_, --living_) {
    alive_[tree_.pairs[2 * merged_ + 1]] = 0;
    if (!bias_.empty()) bias_[tree_.pairs[2 * merged_]] = tree_.bias[merged_];
  }
}

Matrix SkeletonWalk::living_rows(const Side& side) const {
  const std::size_t length = side.lanes.length;
  const std::size_t lane_bytes = length * dtype_bytes(side.lanes.dtype);
  Matrix rows(living_, length);
  std::size_t row = 0;
  for (std::size_t slot = 0; slot < alive_.size(); ++slot) {
    if (alive_[slot]) widen(side.lanes.dtype, side.words.data() + slot * lane_bytes, length, rows.row(row++));
  }
  return rows;
}

SkeletonWalk::Skeleton SkeletonWalk::skeleton() const {
  Skeleton skeleton{living_rows(input_), {}, living_rows(output_)};
  for (std::size_t slot = 0; slot < bias_.size(); ++slot)
    if (alive_[slot]) skeleton.bias.push_back(bias_[slot]);
  return skeleton;
}

}  // namespace herm
