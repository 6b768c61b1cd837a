#include "kernels/exact_tree.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels/error.h"
#include "kernels/exact_interval.h"
#include "kernels/float_grid.h"
#include "kernels/half.h"
#include "kernels/lane_code.h"
#include "kernels/lane_gains.h"
#include "kernels/lane_grids.h"
#include "kernels/matrix_view.h"
#include "kernels/threads.h"

namespace herm {

namespace {

// Elements that a thread takes through all merges at once: their lanes fit the second-level cache.
constexpr std::size_t kGrain = 64;

// Children so much alike that one is a multiple of the other: their parent keeps its small numbers.
constexpr double kAlike = 0.999;

// As the tree has them.
std::vector<LaneMerge> read_merges(const Lanes& lanes, const LaneTree& tree) {
  if (tree.pairs.size() % 2 != 0 || tree.coefficients.size() != tree.pairs.size()) {
    throw std::invalid_argument("a tree needs two slots and two coefficients a merge");
  }
  if (!lanes.element_floors.empty() && lanes.element_floors.size() != lanes.length) {
    throw std::invalid_argument("elements need one floor each, or none");
  }
  if (lanes.shift < 0 || lanes.shift > mantissa_bits(lanes.dtype)) throw std::invalid_argument("shift is out of range");
  std::vector<LaneMerge> merges(tree.merges());
  for (std::size_t t = 0; t < merges.size(); ++t) {
    double a[2];
    widen(DType::F16, tree.coefficients.data() + 2 * t, 2, a);
    merges[t] = {tree.pairs[2 * t], tree.pairs[2 * t + 1], a[0], a[1]};
    if (a[0] == 1 && a[1] == 0) merges[t].kept = kKeepsI;
    if (a[0] == 0 && a[1] == 1) merges[t].kept = kKeepsJ;
    const bool finite = std::isfinite(a[0]) && std::isfinite(a[1]) && (a[0] != 0 || a[1] != 0);
    if (merges[t].i >= merges[t].j || merges[t].j >= lanes.lanes || !finite) {
      throw KernelError("HERM_CORRUPT",
                        "merge " + std::to_string(t) + ": its slots or coefficients are none of a tree");
    }
  }
  return merges;
}

// As the plan has them.
std::vector<LaneMerge> planned_merges(const Lanes& lanes, const LaneTree& tree, const LanePlan& plan) {
  std::vector<LaneMerge> merges = read_merges(lanes, tree);
  const std::size_t count = merges.size();
  if (plan.floors.size() != count || plan.kept.size() != count || plan.gains.size() != count) {
    throw std::invalid_argument("no such merges");
  }
  std::vector<double> gains(lanes.lanes, 1);
  for (std::size_t t = 0; t < count; ++t) {
    LaneMerge& merge = merges[t];
    merge.a_i *= gains[merge.i];
    merge.a_j *= gains[merge.j];
    merge.kept = plan.kept[t];
    gains[merge.i] = merge.gain = plan.gains[t];
  }
  return merges;
}

// Sums over a lane's elements for every merge: |x_i|², |x_j|², x_i·x_j, and |parent|² with elements brought to one
// scale.
enum Sum : std::uint8_t { kNormI, kNormJ, kDot, kParent, kSums };

// Adds those of elements [begin, end). Parents are not rounded here: what is chosen by these sums needs no last bits.
template <DType D>
void add_sums(const Lanes& lanes, const std::vector<LaneMerge>& merges, std::span<const std::int8_t> shifts,
              std::size_t begin, std::size_t end, Matrix& copy, double* sums) {
  using Word = typename FloatGrid<D>::Word;
  const std::size_t width = end - begin;
  for (std::size_t s = 0; s < lanes.lanes; ++s) {
    for (std::size_t e = 0; e < width; ++e)
      copy(s, e) = FloatGrid<D>::to_double(load_word<Word>(lanes.words, s * lanes.length + begin + e));
  }
  double unit[kGrain];
  for (std::size_t e = 0; e < width; ++e) unit[e] = std::ldexp(1.0, -whole_shift(shifts[begin + e]));
  for (std::size_t t = 0; t < merges.size(); ++t) {
    const LaneMerge& merge = merges[t];
    double* x = copy.row(merge.i);
    const double* y = copy.row(merge.j);
    double* sum = sums + kSums * t;
    for (std::size_t e = 0; e < width; ++e) {
      sum[kNormI] += x[e] * x[e];
      sum[kNormJ] += y[e] * y[e];
      sum[kDot] += x[e] * y[e];
      const double parent = merge.a_i * x[e] + merge.a_j * y[e];
      x[e] = merge.keeps() ? (merge.kept == kKeepsI ? x[e] : y[e]) : parent;
      sum[kParent] += (x[e] * unit[e]) * (x[e] * unit[e]);
    }
  }
}

// [merges × kSums]. The parts do not depend on the number of threads, so neither do the sums.
template <DType D>
Matrix sums_of(const Job& job, const Lanes& lanes, const std::vector<LaneMerge>& merges,
               std::span<const std::int8_t> shifts) {
  constexpr std::size_t kParts = 64;
  const std::size_t grain = std::max(kGrain, (lanes.length + kParts - 1) / kParts);
  const std::size_t parts = (lanes.length + grain - 1) / grain;
  Matrix by_part(parts, kSums * merges.size());
  parallel_for(job, lanes.length, grain, [&](std::size_t begin, std::size_t end) {
    const StrictFloat strict;
    Matrix copy(lanes.lanes, kGrain);
    for (std::size_t e = begin; e < end; e += kGrain) {
      job.check();
      add_sums<D>(lanes, merges, shifts, e, std::min(e + kGrain, end), copy, by_part.row(begin / grain));
    }
  });
  Matrix sums(merges.size(), kSums);
  for (std::size_t part = 0; part < parts; ++part) {
    for (std::size_t k = 0; k < kSums * merges.size(); ++k) sums.data()[k] += by_part(part, k);
  }
  return sums;
}

// About the parent's root mean square, its elements brought to one scale. One element that is far above its scale would
// coarsen all others: the steps must not be more than twice, as a whole, what they would be if the scales were the
// parent's own.
template <DType D>
std::uint16_t floor_of(const LaneMerge& merge, const double* sum, std::size_t length, double scales) {
  const bool alike = sum[kDot] * sum[kDot] > kAlike * sum[kNormI] * sum[kNormJ];
  const double square =
      merge.a_i * merge.a_i * sum[kNormI] + 2 * merge.a_i * merge.a_j * sum[kDot] + merge.a_j * merge.a_j * sum[kNormJ];
  const double mean_square = std::min(sum[kParent] / static_cast<double>(length), 4 * square / scales);
  if (alike || !(mean_square > 0)) return 1;
  const int exponent = std::isfinite(mean_square) ? std::ilogb(std::sqrt(mean_square)) + FloatGrid<D>::kBias : 1;
  return static_cast<std::uint16_t>(std::clamp(exponent, 1, FloatGrid<D>::kMaxFloor));
}

template <DType D>
LanePlan plan_all(const Job& job, const Lanes& lanes, std::vector<LaneMerge>& merges, bool even) {
  LanePlan plan;
  plan.element_shifts.resize(lanes.length);
  if (!even) plan.element_shifts = element_shifts(job, D, lanes.words, lanes.lanes, lanes.length);
  keep_multiples(job, lanes, GridRule(D, lanes.shift, plan.element_shifts, lanes.element_floors), merges);
  const Matrix sums = sums_of<D>(job, lanes, merges, plan.element_shifts);
  std::vector<std::uint16_t> floors(lanes.lanes);
  double scales = 0;
  for (const std::int8_t shift : plan.element_shifts) scales += std::ldexp(1.0, 2 * whole_shift(shift));
  for (std::size_t t = 0; t < merges.size(); ++t) {
    const LaneMerge& merge = merges[t];
    const double* sum = sums.row(t);
    // Of the child that weighs more in its parent most of the mantissa is in the parent.
    const double weight_i = std::fabs(merge.a_i) * std::sqrt(sum[kNormI]);
    const double weight_j = std::fabs(merge.a_j) * std::sqrt(sum[kNormJ]);
    const bool follows_j = merge.a_i == 0 || (merge.a_j != 0 && weight_j > weight_i);
    plan.followed_is_j.push_back(merge.keeps() ? merge.kept == kKeepsJ : follows_j);
    floors[merge.i] = merge.keeps() ? floors[merge.keeper()] : floor_of<D>(merge, sum, lanes.length, scales);
    plan.floors.push_back(floors[merge.i]);
    plan.kept.push_back(merge.kept);
    plan.gains.push_back(merge.gain);
  }
  return plan;
}

// Merges [from, to) in elements [begin, end) of lanes of `stride` elements.
template <DType D>
void merge_chunk(const Lanes& lanes, const LaneMerge& merge, const GridRule& grids, int floor, std::size_t begin,
                 std::size_t end) {
  using Word = typename FloatGrid<D>::Word;
  std::uint8_t* x = lanes.words + merge.i * lanes.length * sizeof(Word);
  const std::uint8_t* y = lanes.words + merge.j * lanes.length * sizeof(Word);
  if (merge.keeps()) {
    if (merge.kept == kKeepsJ)
      std::memcpy(x + begin * sizeof(Word), y + begin * sizeof(Word), (end - begin) * sizeof(Word));
    return;
  }
  for (std::size_t e = begin; e < end; ++e) {
    const double sum = scaled<D>(merge.a_i, load_word<Word>(x, e)) + scaled<D>(merge.a_j, load_word<Word>(y, e));
    store_word(x, e, FloatGrid<D>::round(sum, grids.of(floor, e)));
  }
}

template <DType D>
void merge_all(const Job& job, const Lanes& lanes, const std::vector<LaneMerge>& merges, const LanePlan& plan,
               std::size_t from, std::size_t to) {
  const GridRule grids(lanes.dtype, lanes.shift, plan.element_shifts, lanes.element_floors);
  parallel_for(job, lanes.length, kGrain, [&](std::size_t begin, std::size_t end) {
    const StrictFloat strict;
    for (std::size_t t = from; t < to; ++t) merge_chunk<D>(lanes, merges[t], grids, plan.floors[t], begin, end);
  });
}

template <DType D>
void unfold_all(const Job& job, const Lanes& lanes, const std::vector<LaneMerge>& merges, const LanePlan& plan,
                std::uint8_t* nodes) {
  const GridRule grids(lanes.dtype, lanes.shift, plan.element_shifts, lanes.element_floors);
  const std::size_t count = merges.size(), roots = lanes.lanes - count;
  const std::size_t row = lanes.length * dtype_bytes(D);
  std::vector<char> gone(lanes.lanes);
  for (const LaneMerge& merge : merges) gone[merge.j] = 1;
  parallel_for(job, lanes.length, kGrain, [&](std::size_t begin, std::size_t end) {
    const StrictFloat strict;
    const std::size_t at = begin * dtype_bytes(D), bytes = (end - begin) * dtype_bytes(D);
    const auto keep = [&](std::size_t slot, std::size_t node) {
      std::memcpy(nodes + node * row + at, lanes.words + slot * row + at, bytes);
    };
    for (std::size_t t = 0; t < count; ++t) {
      const std::size_t first = roots + 2 * (count - 1 - t);
      keep(merges[t].i, first);
      keep(merges[t].j, first + 1);
      merge_chunk<D>(lanes, merges[t], grids, plan.floors[t], begin, end);
    }
    std::size_t root = 0;
    for (std::size_t slot = 0; slot < lanes.lanes; ++slot) {
      if (!gone[slot]) keep(slot, root++);
    }
  });
}

// [K + 2n] from what leaves have and what the parents of all merges have.
template <class Value>
void by_node(const std::vector<LaneMerge>& merges, const std::vector<Value>& parents, Value leaf, std::size_t lanes,
             std::span<Value> values) {
  const std::size_t count = merges.size(), roots = lanes - count;
  std::vector<Value> now(lanes, leaf);
  std::vector<char> gone(lanes);
  for (std::size_t t = 0; t < count; ++t) {
    const std::size_t first = roots + 2 * (count - 1 - t);
    values[first] = now[merges[t].i];
    values[first + 1] = now[merges[t].j];
    now[merges[t].i] = parents[t];
    gone[merges[t].j] = 1;
  }
  std::size_t root = 0;
  for (std::size_t slot = 0; slot < lanes; ++slot) {
    if (!gone[slot]) values[root++] = now[slot];
  }
}

void note_instructions(const std::vector<LaneMerge>& merges, const LaneTree& tree, const LanePlan& plan,
                       const NodeNotes& notes) {
  const std::size_t count = merges.size();
  for (std::size_t t = 0; t < count; ++t) {
    const std::size_t n = count - 1 - t;
    notes.followed[n] = plan.followed_is_j[t];
    for (std::size_t child = 0; child < 2; ++child) {
      std::uint16_t coefficient = tree.coefficients[2 * t + child];
      if (merges[t].keeps() && merges[t].kept == child) coefficient = kHalfOne;
      if (merges[t].keeps() && merges[t].kept != child && (coefficient & kHalfMagnitude) != 0) coefficient = 0;
      notes.coefficients[2 * n + child] = coefficient;
    }
  }
}

}  // namespace

LanePlan plan_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, bool even) {
  std::vector<LaneMerge> merges = read_merges(lanes, tree);
  return with_dtype(lanes.dtype, [&]<DType D>() { return plan_all<D>(job, lanes, merges, even); });
}

void merge_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, const LanePlan& plan, std::size_t from,
                 std::size_t to) {
  const std::vector<LaneMerge> merges = planned_merges(lanes, tree, plan);
  if (from > to || to > merges.size()) throw std::invalid_argument("no such merges");
  with_dtype(lanes.dtype, [&]<DType D>() { merge_all<D>(job, lanes, merges, plan, from, to); });
}

void unfold_nodes(const Job& job, const Lanes& lanes, const LaneTree& tree, const LanePlan& plan, std::uint8_t* nodes,
                  const NodeNotes& notes) {
  const std::vector<LaneMerge> merges = planned_merges(lanes, tree, plan);
  const std::size_t count = lanes.lanes + merges.size();
  if (merges.size() > lanes.lanes || notes.floors.size() != count || notes.gains.size() != count ||
      notes.coefficients.size() != 2 * merges.size() || notes.followed.size() != merges.size()) {
    throw std::invalid_argument("every node needs its floor and gain, every merge its coefficients");
  }
  with_dtype(lanes.dtype, [&]<DType D>() { unfold_all<D>(job, lanes, merges, plan, nodes); });
  by_node<std::uint16_t>(merges, plan.floors, 0, lanes.lanes, notes.floors);
  by_node<float>(merges, plan.gains, 1, lanes.lanes, notes.gains);
  note_instructions(merges, tree, plan, notes);
}

std::vector<float> gains_after(const LaneTree& tree, const LanePlan& plan, std::size_t lanes, std::size_t count) {
  std::vector<float> gains(lanes, 1);
  for (std::size_t t = 0; t < count; ++t) gains.at(tree.pairs[2 * t]) = plan.gains.at(t);
  return gains;
}

}  // namespace herm
