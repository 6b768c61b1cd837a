// One number of one merge: parent = round(a_f·x_f + a_c·x_c), and back. Given the parent and the coded child x_c, the
// followed child x_f is one of an interval of numbers of its grid, because the map is monotone in x_f: two products
// and a sum, each rounded monotonely. Its place in that interval is its *index*.
//
// Indexes count from the interval's end of larger magnitude: floats are denser towards zero, so numbers near that end
// are the likely ones. An interval that holds both signs counts from both ends in turn.
#pragma once

#include <cstdint>

#include "kernels/float_grid.h"

namespace herm {

// a·x in double, finite.
template <DType D>
double scaled(double a, typename FloatGrid<D>::Word x) {
  const double product = a * FloatGrid<D>::to_double(x);
  if constexpr (D == DType::F64) {
    constexpr double limit = std::numeric_limits<double>::max();
    return std::clamp(product, -limit, limit);
  } else {
    return product;
  }
}

// Ordinals inside are those of y = sgn(a_f)·x_f, in which the map rises.
template <DType D>
class ChildInterval {
 public:
  using Grid = FloatGrid<D>;
  using Word = typename Grid::Word;

  // a_followed ≠ 0; `coded` = scaled(a_c, x_c); parent_grid >= child_grid.
  ChildInterval(double a_followed, double coded, int child_grid, int parent_grid)
      : a_(std::fabs(a_followed)),
        flip_(a_followed < 0 ? Grid::kSign : Word{0}),
        coded_(coded),
        child_grid_(child_grid),
        parent_grid_(parent_grid) {}

  Word parent(Word followed) const {
    return Grid::round(scaled<D>(a_, static_cast<Word>(followed ^ flip_)) + coded_, parent_grid_);
  }

  // Of a followed child with this parent.
  std::uint64_t index(Word parent, Word followed) const {
    const Bounds bounds = bounds_of(parent);
    const std::int64_t y = Grid::ordinal(static_cast<Word>(followed ^ flip_), child_grid_);
    const Side side = side_of(bounds);
    if (side == Side::negative) return distance(first(bounds.from), y);
    if (side == Side::positive) return distance(y, first(bounds.beyond) - 1);
    const std::int64_t low = first(bounds.from), high = first(bounds.beyond) - 1;
    const std::uint64_t both = shorter_side(low, high);
    const std::uint64_t place = y < 0 ? distance(low, y) : distance(y, high);
    return place < both ? 2 * place + (y < 0) : both + place;
  }

  // The followed child with this index; false where there is none.
  bool child(Word parent, std::uint64_t index, Word& followed) const {
    const Bounds bounds = bounds_of(parent);
    const Side side = side_of(bounds);
    std::int64_t y;
    if (side == Side::zero) {
      const std::int64_t low = first(bounds.from), high = first(bounds.beyond) - 1;
      if (index > distance(low, high)) return false;
      const std::uint64_t both = shorter_side(low, high);
      const bool in_turn = index < 2 * both;
      const std::uint64_t place = in_turn ? index / 2 : index - both;
      const bool negative = in_turn ? index % 2 != 0 : distance(low, 0) > both;
      y = negative ? above(low, place) : below(high, place);
    } else {
      const bool positive = side == Side::positive;
      const std::int64_t bound = first(positive ? bounds.beyond : bounds.from);
      const std::int64_t end = positive ? bound - 1 : bound;
      const std::uint64_t room =
          positive ? distance(Grid::min_ordinal(child_grid_), end) : distance(end, Grid::max_ordinal(child_grid_));
      if (end < Grid::min_ordinal(child_grid_) || end > Grid::max_ordinal(child_grid_) || index > room) return false;
      y = positive ? below(end, index) : above(end, index);
      const std::int64_t key = key_at(y);
      if (key < bounds.from || key >= bounds.beyond) return false;
    }
    followed = static_cast<Word>(Grid::word(y, child_grid_) ^ flip_);
    return true;
  }

  // What parent and coded child say of the followed child without an index; inside the interval if there is one.
  Word nearest(Word parent) const {
    const double y = (Grid::to_double(parent) - coded_) / a_;
    std::int64_t ordinal = Grid::ordinal(Grid::round(y, child_grid_), child_grid_);
    const Bounds bounds = bounds_of(parent);
    const std::int64_t low = first(bounds.from), high = first(bounds.beyond) - 1;
    if (low <= high) ordinal = std::clamp(ordinal, low, high);
    return static_cast<Word>(Grid::word(ordinal, child_grid_) ^ flip_);
  }

 private:
  // order_keys of the sums that round to a parent: from <= key < beyond.
  struct Bounds {
    std::int64_t from, beyond;
  };
  enum class Side { negative, zero, positive };

  Bounds bounds_of(Word parent) const {
    const std::int64_t ordinal = Grid::ordinal(parent, parent_grid_);
    return {Grid::threshold_key(ordinal, parent_grid_), Grid::threshold_key(ordinal + 1, parent_grid_)};
  }

  // Whether all children are negative (−0 too), positive without +0, or +0 is one of them.
  Side side_of(const Bounds& bounds) const {
    const std::int64_t key = key_at(0);
    return key < bounds.from ? Side::positive : key >= bounds.beyond ? Side::negative : Side::zero;
  }

  std::int64_t key_at(std::int64_t y) const { return order_key(scaled<D>(a_, Grid::word(y, child_grid_)) + coded_); }

  // Ordinals of double precision lie up to almost 2^64 apart.
  static std::uint64_t distance(std::int64_t low, std::int64_t high) {
    return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  }
  static std::int64_t above(std::int64_t ordinal, std::uint64_t by) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(ordinal) + by);
  }
  static std::int64_t below(std::int64_t ordinal, std::uint64_t by) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(ordinal) - by);
  }
  // Of an interval with low <= 0 <= high.
  static std::uint64_t shorter_side(std::int64_t low, std::int64_t high) {
    return std::min(distance(low, 0), distance(0, high) + 1);
  }

  // The smallest child ordinal whose sum has at least this key; max_ordinal + 1 where none has.
  std::int64_t first(std::int64_t key) const {
    const std::int64_t least = Grid::min_ordinal(child_grid_), most = Grid::max_ordinal(child_grid_);
    if (key == std::numeric_limits<std::int64_t>::min()) return least;
    if (key == std::numeric_limits<std::int64_t>::max()) return most + 1;
    // Solving for y is off by a few numbers at most, unless x_f is tiny beside x_c; then a search finds the bound.
    const double y = (from_order_key(key) - coded_) / a_;
    const std::int64_t towards_zero = Grid::truncated_ordinal(y, child_grid_);
    const std::int64_t under = std::signbit(y) ? towards_zero - 1 : towards_zero;
    if (under >= least && key_at(under) >= key) return search_down(under, least, key);
    if (under < most && key_at(under + 1) < key) return search_up(under + 1, most, key);
    return under + 1;
  }

  // `hit` has at least the key; what lies below it may have too.
  std::int64_t search_down(std::int64_t hit, std::int64_t least, std::int64_t key) const {
    std::int64_t miss = least - 1;
    for (std::uint64_t step = 1; step <= distance(least, hit); step *= 2) {
      const std::int64_t next = below(hit, step);
      if (key_at(next) < key) {
        miss = next;
        break;
      }
      hit = next;
    }
    return bisect(miss, hit, key);
  }

  // `miss` has less than the key; what lies above it may have less too.
  std::int64_t search_up(std::int64_t miss, std::int64_t most, std::int64_t key) const {
    std::int64_t hit = most + 1;
    for (std::uint64_t step = 1; step <= distance(miss, most); step *= 2) {
      const std::int64_t next = above(miss, step);
      if (key_at(next) >= key) {
        hit = next;
        break;
      }
      miss = next;
    }
    return bisect(miss, hit, key);
  }

  std::int64_t bisect(std::int64_t miss, std::int64_t hit, std::int64_t key) const {
    while (distance(miss, hit) > 1) {
      const std::int64_t middle = above(miss, distance(miss, hit) / 2);
      (key_at(middle) >= key ? hit : miss) = middle;
    }
    return hit;
  }

  double a_;
  Word flip_;
  double coded_;
  int child_grid_, parent_grid_;
};

}  // namespace herm
