#include "kernels/exact_tree.h"

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels/error.h"
#include "kernels/exact_interval.h"
#include "kernels/exact_merges.h"
#include "kernels/float_grid.h"
#include "kernels/matrix_view.h"
#include "kernels/threads.h"

namespace herm {

namespace {

// Elements that a thread takes through all merges at once: their lanes fit the second-level cache.
constexpr std::size_t kGrain = 64;

// Elements [begin, end) of lanes whose element 0 lies at `base`, `stride` elements a lane.
template <class Word>
struct Chunk {
  std::uint8_t* base;
  std::size_t stride, begin, end;

  std::uint8_t* lane(std::size_t slot) const { return base + slot * stride * sizeof(Word); }
};

template <DType D>
void merge_chunk(const Chunk<typename FloatGrid<D>::Word>& chunk, const ExactMerge& merge, const Grids& grids) {
  using Word = typename FloatGrid<D>::Word;
  std::uint8_t* x = chunk.lane(merge.i);
  const std::uint8_t* y = chunk.lane(merge.j);
  if (merge.absorbing()) {
    if (merge.follows_j_when_absorbing()) {
      std::memcpy(x + chunk.begin * sizeof(Word), y + chunk.begin * sizeof(Word),
                  (chunk.end - chunk.begin) * sizeof(Word));
    }
    return;
  }
  for (std::size_t e = chunk.begin; e < chunk.end; ++e) {
    const double sum = scaled<D>(merge.a_i, load_word<Word>(x, e)) + scaled<D>(merge.a_j, load_word<Word>(y, e));
    store_word(x, e, FloatGrid<D>::round(sum, grids.of(true, e)));
  }
}

template <DType D>
void forward_chunk(const Chunk<typename FloatGrid<D>::Word>& chunk, const Roles& roles, const Grids& grids,
                   std::uint8_t* indexes) {
  using Word = typename FloatGrid<D>::Word;
  std::uint8_t* lane_i = chunk.lane(roles.merge.i);
  std::uint8_t* lane_j = chunk.lane(roles.merge.j);
  const bool absorbing = roles.merge.absorbing();
  for (std::size_t e = chunk.begin; e < chunk.end; ++e) {
    Word followed = load_word<Word>(lane_i, e);
    Word coded = load_word<Word>(lane_j, e);
    if (roles.followed_is_j) std::swap(followed, coded);
    Word parent = followed;
    std::uint64_t index = 0;
    if (!absorbing) {
      const int parent_grid = grids.of(true, e);
      const ChildInterval<D> interval(roles.a_followed(), scaled<D>(roles.a_coded(), coded),
                                      grids.of(roles.followed_coarse, e), parent_grid);
      parent = interval.parent(followed);
      index = interval.index(parent, followed);
    }
    store_word(lane_i, e, parent);
    store_word(lane_j, e, coded);
    store_word(indexes, e, static_cast<Word>(index));
  }
}

template <DType D>
void inverse_chunk(const Chunk<typename FloatGrid<D>::Word>& chunk, std::size_t t, const Roles& roles,
                   const Grids& grids, const std::uint8_t* indexes, std::span<const std::uint8_t> present) {
  using Word = typename FloatGrid<D>::Word;
  std::uint8_t* lane_i = chunk.lane(roles.merge.i);
  std::uint8_t* lane_j = chunk.lane(roles.merge.j);
  const bool absorbing = roles.merge.absorbing();
  for (std::size_t e = chunk.begin; e < chunk.end; ++e) {
    const Word parent = load_word<Word>(lane_i, e);
    Word coded = load_word<Word>(lane_j, e);
    const int parent_grid = grids.of(roles.parent_coarse(), e);
    if (!FloatGrid<D>::finite(parent) || !FloatGrid<D>::finite(coded) || !FloatGrid<D>::on_grid(parent, parent_grid) ||
        !FloatGrid<D>::on_grid(coded, grids.of(roles.coded_coarse, e))) {
      corrupt_merge(t, "a weight is not on its grid");
    }
    const bool indexed = present.empty() || present[e] != 0;
    const Word index = indexed ? load_word<Word>(indexes, e) : Word{0};
    Word followed = parent;
    if (!absorbing) {
      const ChildInterval<D> interval(roles.a_followed(), scaled<D>(roles.a_coded(), coded),
                                      grids.of(roles.followed_coarse, e), parent_grid);
      if (!indexed) {
        followed = interval.nearest(parent);
      } else if (!interval.child(parent, index, followed)) {
        corrupt_merge(t, "an index is out of range");
      }
    } else if (index != 0) {
      corrupt_merge(t, "an index is out of range");
    }
    store_word(lane_i, e, roles.followed_is_j ? coded : followed);
    store_word(lane_j, e, roles.followed_is_j ? followed : coded);
  }
}

// Runs body(begin, end) over chunks of the elements with progress from `start` to 1.
void for_elements(const Job& job, std::size_t length, std::size_t grain, double start,
                  const std::function<void(std::size_t, std::size_t)>& body) {
  std::atomic<std::size_t> done{0};
  parallel_for(job, length, grain, [&](std::size_t begin, std::size_t end) {
    const StrictFloat strict;
    body(begin, end);
    const std::size_t now = done.fetch_add(end - begin) + end - begin;
    job.progress(start + (1 - start) * static_cast<double>(now) / static_cast<double>(length));
  });
}

// Σx² over elements [begin, end) of both children of every merge, added to sums [2n]. Works on a copy.
template <DType D>
void add_child_norms(const Lanes& lanes, const std::vector<ExactMerge>& merges, const Grids& grids, std::size_t begin,
                     std::size_t end, std::vector<std::uint8_t>& copy, double* sums) {
  using Word = typename FloatGrid<D>::Word;
  const std::size_t width = end - begin;
  copy.resize(checked_mul(lanes.lanes, width * sizeof(Word)));
  for (std::size_t s = 0; s < lanes.lanes; ++s) {
    std::memcpy(copy.data() + s * width * sizeof(Word), lanes.words + (s * lanes.length + begin) * sizeof(Word),
                width * sizeof(Word));
  }
  Grids local = grids;
  if (!local.elements.empty()) local.elements = local.elements.subspan(begin, width);
  const Chunk<Word> chunk{copy.data(), width, 0, width};
  for (std::size_t t = 0; t < merges.size(); ++t) {
    for (const std::size_t slot : {merges[t].i, merges[t].j}) {
      double& sum = sums[2 * t + (slot == merges[t].j)];
      const std::uint8_t* lane = chunk.lane(slot);
      for (std::size_t e = 0; e < width; ++e) {
        const double x = FloatGrid<D>::to_double(load_word<Word>(lane, e));
        sum += x * x;
      }
    }
    merge_chunk<D>(chunk, merges[t], local);
  }
}

// The child that weighs more in its parent, |a|·‖x‖, over the whole lane: of its mantissa most is in the parent.
template <DType D>
std::vector<bool> choose_followed(const Job& job, const Lanes& lanes, const std::vector<ExactMerge>& merges,
                                  const Grids& grids) {
  // The parts do not depend on the number of threads, so neither do the sums.
  constexpr std::size_t kParts = 64;
  const std::size_t grain = std::max(kGrain, (lanes.length + kParts - 1) / kParts);
  const std::size_t parts = (lanes.length + grain - 1) / grain;
  Matrix sums(parts, 2 * merges.size());
  parallel_for(job, lanes.length, grain, [&](std::size_t begin, std::size_t end) {
    const StrictFloat strict;
    std::vector<std::uint8_t> copy;
    for (std::size_t e = begin; e < end; e += kGrain) {
      job.check();
      add_child_norms<D>(lanes, merges, grids, e, std::min(e + kGrain, end), copy, sums.row(begin / grain));
    }
  });
  std::vector<bool> followed_is_j(merges.size());
  for (std::size_t t = 0; t < merges.size(); ++t) {
    double norm_i = 0, norm_j = 0;
    for (std::size_t part = 0; part < parts; ++part) {
      norm_i += sums(part, 2 * t);
      norm_j += sums(part, 2 * t + 1);
    }
    const ExactMerge& merge = merges[t];
    followed_is_j[t] = merge.a_i == 0 || (merge.a_j != 0 && std::fabs(merge.a_j) * std::sqrt(norm_j) >
                                                                std::fabs(merge.a_i) * std::sqrt(norm_i));
  }
  return followed_is_j;
}

template <DType D>
void merge_all(const Job& job, const Lanes& lanes, const std::vector<ExactMerge>& merges) {
  const Grids grids(lanes);
  for_elements(job, lanes.length, kGrain, 0, [&](std::size_t begin, std::size_t end) {
    const Chunk<typename FloatGrid<D>::Word> chunk{lanes.words, lanes.length, begin, end};
    for (const ExactMerge& merge : merges) merge_chunk<D>(chunk, merge, grids);
  });
  for (const ExactMerge& merge : merges) merge_grids(lanes, merge);
}

template <DType D>
void forward_all(const Job& job, const Lanes& lanes, const std::vector<ExactMerge>& merges,
                 std::span<std::uint8_t> flags, std::uint8_t* indexes) {
  const Grids grids(lanes);
  const std::vector<Roles> roles = assign_roles(lanes, merges, choose_followed<D>(job, lanes, merges, grids));
  std::transform(roles.begin(), roles.end(), flags.begin(), [](const Roles& role) { return role.flags(); });
  const std::size_t lane_bytes = lanes.length * dtype_bytes(D);
  for_elements(job, lanes.length, kGrain, 0.2, [&](std::size_t begin, std::size_t end) {
    const Chunk<typename FloatGrid<D>::Word> chunk{lanes.words, lanes.length, begin, end};
    for (std::size_t t = 0; t < roles.size(); ++t) forward_chunk<D>(chunk, roles[t], grids, indexes + t * lane_bytes);
  });
}

template <DType D>
void inverse_all(const Job& job, const Lanes& lanes, const std::vector<ExactMerge>& merges, std::size_t from,
                 std::span<const std::uint8_t> flags, const std::uint8_t* indexes,
                 std::span<const std::uint8_t> present) {
  const Grids grids(lanes);
  const std::vector<Roles> roles = read_roles(lanes, merges, from, flags);
  const std::size_t lane_bytes = lanes.length * dtype_bytes(D);
  for_elements(job, lanes.length, kGrain, 0, [&](std::size_t begin, std::size_t end) {
    const Chunk<typename FloatGrid<D>::Word> chunk{lanes.words, lanes.length, begin, end};
    for (std::size_t k = roles.size(); k-- > 0;) {
      inverse_chunk<D>(chunk, from + k, roles[k], grids, indexes + (from + k) * lane_bytes, present);
    }
  });
}

template <DType D>
int tensor_shift_of(const Job& job, const std::uint8_t* words, std::size_t count) {
  using Word = typename FloatGrid<D>::Word;
  Word used = 0;
  for (std::size_t begin = 0; begin < count; begin += 1 << 20) {
    job.check();
    const std::size_t end = std::min<std::size_t>(count, begin + (1 << 20));
    bool finite = true;
    for (std::size_t i = begin; i < end; ++i) {
      const auto word = load_word<Word>(words, i);
      used |= word;
      finite &= FloatGrid<D>::finite(word);
    }
    if (!finite) throw KernelError("NON_FINITE", "a weight is infinite or not a number");
  }
  used &= static_cast<Word>(~FloatGrid<D>::kSign);
  return used == 0 ? 0 : std::min(std::countr_zero(used), FloatGrid<D>::kMantissa);
}

}  // namespace

int tensor_shift(const Job& job, DType dtype, const std::uint8_t* words, std::size_t count) {
  switch (dtype) {
    case DType::F64:
      return tensor_shift_of<DType::F64>(job, words, count);
    case DType::F32:
      return tensor_shift_of<DType::F32>(job, words, count);
    case DType::F16:
      return tensor_shift_of<DType::F16>(job, words, count);
    default:
      return tensor_shift_of<DType::BF16>(job, words, count);
  }
}

void merge_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, std::size_t from, std::size_t to) {
  const std::vector<ExactMerge> merges = read_merges(lanes, tree, from, to);
  switch (lanes.dtype) {
    case DType::F64:
      return merge_all<DType::F64>(job, lanes, merges);
    case DType::F32:
      return merge_all<DType::F32>(job, lanes, merges);
    case DType::F16:
      return merge_all<DType::F16>(job, lanes, merges);
    case DType::BF16:
      return merge_all<DType::BF16>(job, lanes, merges);
  }
}

void forward_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, std::span<std::uint8_t> flags,
                   std::uint8_t* indexes) {
  const std::vector<ExactMerge> merges = read_merges(lanes, tree, 0, tree.merges());
  if (flags.size() != merges.size()) throw std::invalid_argument("flags need one entry a merge");
  switch (lanes.dtype) {
    case DType::F64:
      return forward_all<DType::F64>(job, lanes, merges, flags, indexes);
    case DType::F32:
      return forward_all<DType::F32>(job, lanes, merges, flags, indexes);
    case DType::F16:
      return forward_all<DType::F16>(job, lanes, merges, flags, indexes);
    case DType::BF16:
      return forward_all<DType::BF16>(job, lanes, merges, flags, indexes);
  }
}

void inverse_lanes(const Job& job, const Lanes& lanes, const LaneTree& tree, std::size_t from, std::size_t to,
                   std::span<const std::uint8_t> flags, const std::uint8_t* indexes,
                   std::span<const std::uint8_t> present) {
  const std::vector<ExactMerge> merges = read_merges(lanes, tree, from, to);
  if (flags.size() != tree.merges() || (!present.empty() && present.size() != lanes.length)) {
    throw std::invalid_argument("flags need one entry a merge, present one an element");
  }
  switch (lanes.dtype) {
    case DType::F64:
      return inverse_all<DType::F64>(job, lanes, merges, from, flags, indexes, present);
    case DType::F32:
      return inverse_all<DType::F32>(job, lanes, merges, from, flags, indexes, present);
    case DType::F16:
      return inverse_all<DType::F16>(job, lanes, merges, from, flags, indexes, present);
    case DType::BF16:
      return inverse_all<DType::BF16>(job, lanes, merges, from, flags, indexes, present);
  }
}

}  // namespace herm
