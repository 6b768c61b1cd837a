#include "kernels/exact_tree.h"

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels/error.h"
#include "kernels/exact_interval.h"
#include "kernels/float_grid.h"
#include "kernels/matrix_view.h"
#include "kernels/threads.h"

namespace herm {

namespace {

// Elements that a thread takes through all merges at once: their lanes fit the second-level cache.
constexpr std::size_t kGrain = 64;

struct Merge {
  std::size_t i = 0, j = 0;
  double a_i = 0, a_j = 0;

  bool absorbing() const { return (a_i == 1 && a_j == 0) || (a_i == 0 && a_j == 1); }
  bool follows_j_when_absorbing() const { return a_i == 0; }
};

// What the two children are to exact coding.
struct Roles {
  Merge merge;
  bool followed_is_j = false;
  bool followed_coarse = false;
  bool coded_coarse = false;

  double a_followed() const { return followed_is_j ? merge.a_j : merge.a_i; }
  double a_coded() const { return followed_is_j ? merge.a_i : merge.a_j; }
  std::uint8_t flags() const {
    return static_cast<std::uint8_t>((followed_is_j ? kFollowedIsJ : 0) | (followed_coarse ? kFollowedCoarse : 0) |
                                     (coded_coarse ? kCodedCoarse : 0) | (merge.absorbing() ? kAbsorbed : 0));
  }
};

[[noreturn]] void corrupt(std::size_t t, const char* what) {
  throw KernelError("HERM_CORRUPT", "merge " + std::to_string(t) + ": " + what);
}

std::vector<Merge> read_merges(const Lanes& lanes, const LaneTree& tree, std::size_t from, std::size_t to) {
  if (tree.pairs.size() % 2 != 0 || tree.coefficients.size() != tree.pairs.size() || from > to || to > tree.merges()) {
    throw std::invalid_argument("a tree needs two slots and two coefficients a merge");
  }
  if (lanes.coarse.size() != lanes.lanes ||
      (!lanes.element_coarse.empty() && lanes.element_coarse.size() != lanes.length)) {
    throw std::invalid_argument("lanes need one grid a lane, and one an element or none");
  }
  std::vector<Merge> merges(to - from);
  for (std::size_t t = from; t < to; ++t) {
    Merge& merge = merges[t - from];
    merge.i = tree.pairs[2 * t];
    merge.j = tree.pairs[2 * t + 1];
    if (merge.i >= merge.j || merge.j >= lanes.lanes) corrupt(t, "its slots are out of order or range");
    double a[2];
    widen(DType::F16, tree.coefficients.data() + 2 * t, 2, a);
    if (!std::isfinite(a[0]) || !std::isfinite(a[1]) || (a[0] == 0 && a[1] == 0)) {
      corrupt(t, "its coefficients are not finite or both zero");
    }
    merge.a_i = a[0];
    merge.a_j = a[1];
  }
  return merges;
}

// Keeps lanes.coarse through a merge.
void merge_grids(const Lanes& lanes, const Merge& merge) {
  lanes.coarse[merge.i] =
      merge.absorbing() ? lanes.coarse[merge.follows_j_when_absorbing() ? merge.j : merge.i] : std::uint8_t{1};
}

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

// Elements [begin, end) of lanes whose element 0 lies at `base`, `stride` elements a lane.
template <class Word>
struct Chunk {
  std::uint8_t* base;
  std::size_t stride, begin, end;

  std::uint8_t* lane(std::size_t slot) const { return base + slot * stride * sizeof(Word); }
};

template <DType D>
void merge_chunk(const Chunk<typename FloatGrid<D>::Word>& chunk, const Merge& merge, const Grids& grids) {
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
                   bool parent_coarse, const Grids& grids, const std::uint8_t* indexes,
                   std::span<const std::uint8_t> present) {
  using Word = typename FloatGrid<D>::Word;
  std::uint8_t* lane_i = chunk.lane(roles.merge.i);
  std::uint8_t* lane_j = chunk.lane(roles.merge.j);
  const bool absorbing = roles.merge.absorbing();
  for (std::size_t e = chunk.begin; e < chunk.end; ++e) {
    const Word parent = load_word<Word>(lane_i, e);
    Word coded = load_word<Word>(lane_j, e);
    const int parent_grid = grids.of(parent_coarse, e);
    if (!FloatGrid<D>::finite(parent) || !FloatGrid<D>::finite(coded) || !FloatGrid<D>::on_grid(parent, parent_grid) ||
        !FloatGrid<D>::on_grid(coded, grids.of(roles.coded_coarse, e))) {
      corrupt(t, "a weight is not on its grid");
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
        corrupt(t, "an index is out of range");
      }
    } else if (index != 0) {
      corrupt(t, "an index is out of range");
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
void add_child_norms(const Lanes& lanes, const std::vector<Merge>& merges, const Grids& grids, std::size_t begin,
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
std::vector<bool> choose_followed(const Job& job, const Lanes& lanes, const std::vector<Merge>& merges,
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
    const Merge& merge = merges[t];
    followed_is_j[t] = merge.a_i == 0 || (merge.a_j != 0 && std::fabs(merge.a_j) * std::sqrt(norm_j) >
                                                                std::fabs(merge.a_i) * std::sqrt(norm_i));
  }
  return followed_is_j;
}

template <DType D>
void merge_all(const Job& job, const Lanes& lanes, const std::vector<Merge>& merges) {
  const Grids grids(lanes);
  for_elements(job, lanes.length, kGrain, 0, [&](std::size_t begin, std::size_t end) {
    const Chunk<typename FloatGrid<D>::Word> chunk{lanes.words, lanes.length, begin, end};
    for (const Merge& merge : merges) merge_chunk<D>(chunk, merge, grids);
  });
  for (const Merge& merge : merges) merge_grids(lanes, merge);
}

template <DType D>
void forward_all(const Job& job, const Lanes& lanes, const std::vector<Merge>& merges, std::span<std::uint8_t> flags,
                 std::uint8_t* indexes) {
  const Grids grids(lanes);
  const std::vector<bool> followed_is_j = choose_followed<D>(job, lanes, merges, grids);
  std::vector<Roles> roles(merges.size());
  for (std::size_t t = 0; t < merges.size(); ++t) {
    const bool j = followed_is_j[t];
    const bool coarse_i = lanes.coarse[merges[t].i] != 0;
    const bool coarse_j = lanes.coarse[merges[t].j] != 0;
    roles[t] = {merges[t], j, j ? coarse_j : coarse_i, j ? coarse_i : coarse_j};
    flags[t] = roles[t].flags();
    merge_grids(lanes, merges[t]);
    lanes.coarse[merges[t].j] = roles[t].coded_coarse;
  }
  const std::size_t lane_bytes = lanes.length * dtype_bytes(D);
  for_elements(job, lanes.length, kGrain, 0.2, [&](std::size_t begin, std::size_t end) {
    const Chunk<typename FloatGrid<D>::Word> chunk{lanes.words, lanes.length, begin, end};
    for (std::size_t t = 0; t < roles.size(); ++t) forward_chunk<D>(chunk, roles[t], grids, indexes + t * lane_bytes);
  });
}

// The roles that the flags tell, checked against the coefficients and the grids of the living lanes.
std::vector<Roles> read_roles(const Lanes& lanes, const std::vector<Merge>& merges, std::size_t from,
                              std::span<const std::uint8_t> flags, std::vector<bool>& parent_coarse) {
  std::vector<Roles> roles(merges.size());
  parent_coarse.resize(merges.size());
  for (std::size_t k = merges.size(); k-- > 0;) {
    const std::uint8_t flag = flags[from + k];
    const bool j = (flag & kFollowedIsJ) != 0;
    const Roles& role = roles[k] = {merges[k], j, (flag & kFollowedCoarse) != 0, (flag & kCodedCoarse) != 0};
    parent_coarse[k] = lanes.coarse[merges[k].i] != 0;
    if (flag != role.flags() || role.a_followed() == 0) corrupt(from + k, "its flags contradict its coefficients");
    if (parent_coarse[k] != (!merges[k].absorbing() || role.followed_coarse)) {
      corrupt(from + k, "its flags contradict the grid of its parent");
    }
    lanes.coarse[merges[k].i] = j ? role.coded_coarse : role.followed_coarse;
    lanes.coarse[merges[k].j] = j ? role.followed_coarse : role.coded_coarse;
  }
  return roles;
}

template <DType D>
void inverse_all(const Job& job, const Lanes& lanes, const std::vector<Merge>& merges, std::size_t from,
                 std::span<const std::uint8_t> flags, const std::uint8_t* indexes,
                 std::span<const std::uint8_t> present) {
  const Grids grids(lanes);
  std::vector<bool> parent_coarse;
  const std::vector<Roles> roles = read_roles(lanes, merges, from, flags, parent_coarse);
  const std::size_t lane_bytes = lanes.length * dtype_bytes(D);
  for_elements(job, lanes.length, kGrain, 0, [&](std::size_t begin, std::size_t end) {
    const Chunk<typename FloatGrid<D>::Word> chunk{lanes.words, lanes.length, begin, end};
    for (std::size_t k = roles.size(); k-- > 0;) {
      inverse_chunk<D>(chunk, from + k, roles[k], parent_coarse[k], grids, indexes + (from + k) * lane_bytes, present);
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

void check_shift(const Lanes& lanes) {
  if (lanes.shift < 0 || lanes.shift > mantissa_bits(lanes.dtype)) throw std::invalid_argument("shift is out of range");
}

}  // namespace

int guard_bits(DType dtype, int shift) {
  const int mantissa = mantissa_bits(dtype) - shift;
  const int bits = mantissa >= 13 ? 3 : mantissa >= 9 ? 2 : 1;
  return std::max(0, std::min(bits, mantissa - 1));
}

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
  check_shift(lanes);
  const std::vector<Merge> merges = read_merges(lanes, tree, from, to);
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
  check_shift(lanes);
  const std::vector<Merge> merges = read_merges(lanes, tree, 0, tree.merges());
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
  check_shift(lanes);
  const std::vector<Merge> merges = read_merges(lanes, tree, from, to);
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
