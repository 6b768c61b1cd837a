#include "kernels/skeleton_walk.h"

#include <algorithm>
#include <stdexcept>

#include "kernels/lane_copy.h"
#include "kernels/lane_gains.h"

namespace herm {

SkeletonWalk::SkeletonWalk(const Job& job, const StoredBlock& block, const TreeView& tree)
    : tree_(tree),
      prior_(block.prior),
      input_(load(job, block.input)),
      output_(load(job, block.output)),
      gate_(block.has_gate ? load(job, block.gate) : Side{}),
      gated_(block.has_gate),
      alive_(block.input.neurons(), 1),
      living_(block.input.neurons()) {
  check_tree(block);
  input_.plan = plan_lanes(job, input_.lanes, {tree_.pairs, tree_.alpha});
  output_.plan = plan_lanes(job, output_.lanes, {tree_.pairs, tree_.beta});
  if (gated_) gate_.plan = plan_lanes(job, gate_.lanes, {tree_.pairs, tree_.gate_alpha});
  bias_ = load_bias(block.has_bias, block.bias);
  gate_bias_ = load_bias(block.has_gate && block.has_gate_bias, block.gate_bias);
}

void SkeletonWalk::check_tree(const StoredBlock& block) const {
  const std::size_t merges = tree_.merges(), gate_merges = gated_ ? merges : 0;
  const bool fits = block.output.neurons() == living_ && (living_ == 0 || merges < living_) &&
                    tree_.alpha.size() == 2 * merges && tree_.beta.size() == 2 * merges &&
                    tree_.bias.size() == merges && tree_.gate_alpha.size() == 2 * gate_merges &&
                    tree_.gate_bias.size() == gate_merges &&
                    (!gated_ || (block.gate.neurons() == living_ && block.gate.width() == block.input.width()));
  if (!fits) throw std::invalid_argument("the tree does not fit the block");
  // Every slot that a merge reads is alive then: nothing below needs to look again.
  std::vector<char> alive(alive_);
  for (std::size_t t = 0; t < merges; ++t) {
    const std::size_t i = tree_.pairs[2 * t], j = tree_.pairs[2 * t + 1];
    if (i >= j || j >= living_ || !alive[i] || !alive[j])
      throw std::invalid_argument("the tree does not fit the block");
    alive[j] = 0;
  }
}

std::vector<double> SkeletonWalk::load_bias(bool present, const StoredMatrix& stored) const {
  if (!present) return {};
  std::vector<double> bias(living_);
  if (checked_mul(stored.rows, stored.cols) != living_) throw std::invalid_argument("the bias does not fit the block");
  widen(stored.dtype, stored.bytes, living_, bias.data());
  return bias;
}

SkeletonWalk::Side SkeletonWalk::load(const Job& job, const StoredMatrix& stored) {
  const std::size_t count = checked_mul(stored.rows, stored.cols);
  Side side;
  side.words.resize(checked_mul(count, dtype_bytes(stored.dtype)));
  load_lanes(job, stored, side.words.data());
  side.lanes.dtype = stored.dtype;
  side.lanes.shift = tensor_shift(job, stored.dtype, side.words.data(), count);
  side.lanes.lanes = stored.neurons();
  side.lanes.length = stored.width();
  side.lanes.words = side.words.data();
  return side;
}

void SkeletonWalk::narrow_to(const Job& job, std::size_t width) {
  if (width > living_ || width + tree_.merges() < alive_.size()) throw std::invalid_argument("no such width");
  const std::size_t to = merged_ + living_ - width;
  merge_lanes(job, input_.lanes, {tree_.pairs, tree_.alpha}, input_.plan, merged_, to);
  merge_lanes(job, output_.lanes, {tree_.pairs, tree_.beta}, output_.plan, merged_, to);
  if (gated_) merge_lanes(job, gate_.lanes, {tree_.pairs, tree_.gate_alpha}, gate_.plan, merged_, to);
  for (; merged_ < to; ++merged_, --living_) {
    alive_[tree_.pairs[2 * merged_ + 1]] = 0;
    const std::size_t slot = tree_.pairs[2 * merged_];
    if (!bias_.empty()) bias_[slot] = tree_.bias[merged_];
    if (!gate_bias_.empty()) gate_bias_[slot] = tree_.gate_bias[merged_];
  }
}

Matrix SkeletonWalk::living_rows(const Side& side, std::span<const std::uint16_t> coefficients) const {
  const auto& [dtype, shift, lanes, length, words, floors] = side.lanes;
  const std::size_t lane_bytes = length * dtype_bytes(dtype);
  const std::vector<float> gains = gains_after({tree_.pairs, coefficients}, side.plan, lanes, merged_);
  Matrix rows(living_, length);
  std::vector<std::uint8_t> neuron(lane_bytes);
  std::size_t row = 0;
  for (std::size_t slot = 0; slot < alive_.size(); ++slot) {
    if (!alive_[slot]) continue;
    std::copy_n(words + slot * lane_bytes, lane_bytes, neuron.data());
    apply_gains(Job(), {dtype, shift, 1, length, {&gains[slot], 1}, {}, neuron.data()});
    widen(dtype, neuron.data(), length, rows.row(row++));
  }
  return rows;
}

std::vector<double> SkeletonWalk::living(const std::vector<double>& bias) const {
  std::vector<double> kept;
  for (std::size_t slot = 0; slot < bias.size(); ++slot)
    if (alive_[slot]) kept.push_back(bias[slot]);
  return kept;
}

SkeletonWalk::Skeleton SkeletonWalk::weights() const {
  return {living_rows(input_, tree_.alpha), living(bias_), living_rows(output_, tree_.beta),
          gated_ ? living_rows(gate_, tree_.gate_alpha) : Matrix(), living(gate_bias_)};
}

SkeletonWalk::Skeleton SkeletonWalk::skeleton() const {
  Skeleton found = weights();
  prior_.apply(found.input.view(), found.bias);
  if (gated_) prior_.apply(found.gate.view(), found.gate_bias);
  return found;
}

}  // namespace herm
