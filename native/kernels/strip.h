// What the two directions of the coder of lanes (lane_code.h) share: a strip of elements, and what is known before a
// number is coded.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/exact_interval.h"
#include "kernels/lane_code.h"
#include "kernels/lane_grids.h"
#include "kernels/lane_loops.h"
#include "kernels/lane_models.h"
#include "kernels/lane_prediction.h"
#include "kernels/number_symbols.h"
#include "kernels/words.h"

namespace herm {

// std::invalid_argument where sizes, rows, strips or extents contradict each other.
void check_lanes(const NodeLanes& lanes, const LaneLevels& levels);

// ⌊(2·sum + count) / (2·count)⌋: the mean, rounded half up.
inline int rounded_mean(std::int64_t sum, std::int64_t count) {
  if (count == 0) return 0;
  const std::int64_t numerator = 2 * sum + count, divisor = 2 * count;
  return static_cast<int>(numerator / divisor - (numerator % divisor < 0));
}

inline constexpr std::size_t kSmallSection = std::size_t{1} << 14;  // in numbers

template <DType D>
class Strip {
 public:
  using Format = FloatGrid<D>;
  using Code = NumberCode<D>;
  using Word = typename Format::Word;
  using Ordinal = typename GridNumbers<D>::Ordinal;

  // Elements [begin, begin + size) of the lanes.
  Strip(const NodeLanes& lanes, std::size_t begin, std::size_t end)
      : lanes_(lanes),
        begin_(begin),
        shifts_(end - begin),
        rule_(lanes.dtype, lanes.shift, shifts_,
              lanes.element_floors.empty() ? lanes.element_floors : lanes.element_floors.subspan(begin, end - begin)),
        p_(end - begin),
        c_(end - begin),
        f_(end - begin),
        p_grids_(end - begin),
        c_grids_(end - begin),
        f_grids_(end - begin),
        low_(end - begin),
        high_(end - begin),
        ordinals_(end - begin),
        clear_(end - begin),
        choices_(end - begin),
        symbols_(end - begin),
        levels_(end - begin),
        contexts_(end - begin),
        prediction_(end - begin) {}

  LaneModels models;
  int last_root_scale = 16 * Format::kBias;

  void read(std::size_t node, std::size_t from, std::size_t to, std::vector<Word>& words) const {
    std::memcpy(words.data() + from, place(node, from), (to - from) * sizeof(Word));
  }
  void write(std::size_t node, std::size_t from, std::size_t to, const std::vector<Word>& words) const {
    std::memcpy(place(node, from), words.data() + from, (to - from) * sizeof(Word));
  }

  // Of a section's stream: where there are few numbers, four states cost more than they save time.
  unsigned states(std::size_t elements, bool fresh, std::size_t instructions) const {
    const std::size_t lanes = instructions + (fresh && !lanes_.only_followed ? lanes_.roots : 0);
    return elements * lanes < kSmallSection ? 1 : RansEncoder::kMostStates;
  }

  // An instruction's nodes by role.
  struct Split {
    std::size_t parent, coded, followed;
    double a_coded, a_followed;
    bool absorbing;
  };
  Split split(std::size_t n) const {
    const std::size_t first = lanes_.roots + 2 * n, second = lanes_.followed[n] != 0;
    double a[2];
    widen(DType::F16, lanes_.coefficients.data() + 2 * n, 2, a);
    const bool absorbing = a[second] == 1 && a[1 - second] == 0;
    for (std::size_t child = 0; child < 2 && !lanes_.gains.empty(); ++child) a[child] *= lanes_.gains[first + child];
    return {lanes_.parents[n], first + 1 - second, first + second, a[1 - second], a[second], absorbing};
  }
  void fill_grids(LaneGrids& grids, std::size_t node, std::size_t from, std::size_t to) const {
    rule_.fill(lanes_.floors[node], from, to, grids);
  }
  Grid fine() const { return rule_.fine(); }
  bool is_coarse(Grid grid) const { return grid != fine(); }

  // Mean level of a lane beyond its elements' shifts, in quarters of a level, zeros left out.
  int scale(const std::vector<Word>& words, const LaneGrids& grids, std::size_t from, std::size_t to) {
    const LevelSum of = loops_.levels(words.data() + from, grids_from(grids, from), shifts_.data() + from, to - from,
                                      levels_.data() + from);
    return rounded_mean(4 * of.sum, of.count);
  }
  // The class of magnitude of every number of the parent.
  void fill_contexts(std::size_t from, std::size_t to) {
    const int mean = scale(p_, p_grids_, from, to);
    loops_.contexts(p_.data() + from, levels_.data() + from, mean, to - from, contexts_.data() + from);
    parent_scale_ = mean;
  }
  // The numbers of the followed child that give the parent: low_ and high_.
  void fill_ranges(const ChildInterval<D>& interval, double a_coded, std::size_t from, std::size_t to) {
    const RangeArrays<D> in{p_.data() + from, grids_from(p_grids_, from), c_.data() + from, grids_from(f_grids_, from)};
    const int all = loops_.ranges(in, a_coded, interval.reciprocal(), to - from, low_.data() + from,
                                  high_.data() + from, clear_.data() + from);
    if (all != 0) return;
    for (std::size_t e = from; e < to; ++e) {
      if (clear_[e] != 0) continue;
      const OrdinalRange range = interval.range(p_[e], scaled<D>(a_coded, c_[e]), f_grids_[e], p_grids_[e]);
      low_[e] = static_cast<Ordinal>(range.low);
      high_[e] = static_cast<Ordinal>(range.high);
    }
  }
  // Ordinals into numbers, and numbers into ordinals.
  void fill_words(const std::vector<Ordinal>& ordinals, const LaneGrids& grids, Word flip, std::size_t from,
                  std::size_t to, std::vector<Word>& words) const {
    loops_.words(ordinals.data() + from, grids_from(grids, from), flip, to - from, words.data() + from);
  }
  void fill_ordinals(const std::vector<Word>& words, const LaneGrids& grids, Word flip, std::size_t from,
                     std::size_t to, std::vector<Ordinal>& ordinals) const {
    loops_.ordinals(words.data() + from, grids_from(grids, from), flip, to - from, ordinals.data() + from);
  }
  void fill_choices(std::size_t from, std::size_t to) {
    loops_.choices(low_.data() + from, high_.data() + from, f_grids_.bits.data() + from, to - from,
                   choices_.data() + from);
  }
  // Whether low_ and high_ of one sign lie in one binade of the followed child's grid: then the numbers between them
  // are the cells (Cells), and nothing is left inside.
  HERM_INLINE bool plain_cells(std::size_t e) const {
    const int kept = Format::kMantissa - f_grids_.bits[e];
    const Ordinal low = low_[e] < 0 ? ~low_[e] : low_[e], high = high_[e] < 0 ? ~high_[e] : high_[e];
    return low >> kept == high >> kept;
  }
  // What level to expect of a number in a lane of this scale.
  int expected(int scale, std::size_t e) const { return (scale + 4 * shifts_[e] + 2) >> 2; }

  const NodeLanes& lanes_;
  std::size_t begin_;
  std::vector<std::int8_t> shifts_;
  GridRule rule_;
  std::vector<Word> p_, c_, f_;  // the numbers of parent, coded and followed child
  LaneGrids p_grids_, c_grids_, f_grids_;
  const LaneLoops<D>& loops_ = lane_loops<D>();
  std::vector<Ordinal> low_, high_, ordinals_;
  std::vector<std::int32_t> clear_;     // 1 where low_ and high_ are known without a search
  std::vector<std::uint16_t> choices_;  // how many numbers there are, if all are cells and no zero is near; else 0
  std::vector<std::uint8_t> symbols_;
  std::vector<std::int32_t> levels_;
  std::vector<std::uint8_t> contexts_;
  int parent_scale_ = 0;
  LanePrediction<D> prediction_;

 private:
  std::uint8_t* place(std::size_t node, std::size_t e) const {
    return lanes_.words + (lanes_.rows[node] * lanes_.length + begin_ + e) * sizeof(Word);
  }
};

// The numbers of an interval in *cells* of one size: a step at the interval's end of larger magnitude. What lies nearer
// to zero is finer; a cell there holds many numbers. So numbers get bits in proportion to how densely they lie.
template <DType D>
class Cells {
 public:
  using Format = FloatGrid<D>;

  Cells(OrdinalRange range, Grid grid) : mantissa_(Format::kMantissa - grid.bits) {
    const std::uint64_t low = magnitude(range.low), high = magnitude(range.high);
    size_ = binade(std::max(low, high));
    first_ = cell(range.low);
    count_ = static_cast<std::uint64_t>(cell(range.high)) - static_cast<std::uint64_t>(first_) + 1;
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t index(std::int64_t ordinal) const {
    return static_cast<std::uint64_t>(cell(ordinal)) - static_cast<std::uint64_t>(first_);
  }
  std::int64_t at(std::uint64_t index) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(first_) + index);
  }

  static std::uint64_t magnitude(std::int64_t ordinal) {
    return static_cast<std::uint64_t>(ordinal < 0 ? ~ordinal : ordinal);
  }
  // Powers of two of a step at this magnitude over the smallest step.
  int binade(std::uint64_t magnitude) const { return std::max(0, static_cast<int>(magnitude >> mantissa_) - 1); }
  std::uint64_t significand(std::uint64_t magnitude) const {
    const std::uint64_t one = std::uint64_t{1} << mantissa_;
    return magnitude < one ? magnitude : (magnitude & (one - 1)) | one;
  }
  // log2 of the cells' size in the smallest steps.
  int size() const { return size_; }
  int mantissa() const { return mantissa_; }

  std::int64_t cell(std::int64_t ordinal) const {
    const std::uint64_t m = magnitude(ordinal);
    const int drop = size_ - binade(m);
    const auto of = static_cast<std::int64_t>(drop > 63 ? 0 : significand(m) >> drop);
    return ordinal < 0 ? ~of : of;
  }
  // Bits that tell the numbers in a cell (not the one at zero) apart.
  int inner_bits(std::uint64_t cell_magnitude) const {
    return std::min(size_, mantissa_ + 1 - static_cast<int>(std::bit_width(cell_magnitude)));
  }
  // The magnitude whose significand and binade these are, `significand` having at most mantissa + 1 bits.
  std::uint64_t magnitude_of(std::uint64_t significand, int binade) const {
    return significand + (static_cast<std::uint64_t>(std::max(0, binade)) << mantissa_);
  }

 private:
  int mantissa_, size_;
  std::int64_t first_;
  std::uint64_t count_;
};

inline std::uint64_t place_count(OrdinalRange range) {
  return static_cast<std::uint64_t>(range.high) - static_cast<std::uint64_t>(range.low) + 1;
}

// Differences of ordinals, small ones of either sign first.
inline std::uint64_t zigzag(std::int64_t from, std::int64_t to) {
  const std::uint64_t difference = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  return static_cast<std::int64_t>(difference) < 0 ? ~(difference << 1) : difference << 1;
}
inline std::int64_t unzigzag(std::int64_t from, std::uint64_t code) {
  const std::uint64_t difference = code & 1 ? ~(code >> 1) : code >> 1;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + difference);
}

}  // namespace herm
