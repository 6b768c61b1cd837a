// One number of one merge: parent = round(a_f·x_f + a_c·x_c), and back. Given the parent and the coded child x_c, the
// followed child x_f is one of an interval of numbers of its grid, because the map is monotone in x_f: two products
// and a sum, each rounded monotonely.
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

// Ordinals of a grid, low <= high unless there are none.
struct OrdinalRange {
  std::int64_t low, high;

  bool empty() const { return low > high; }
  bool holds(std::int64_t ordinal) const { return low <= ordinal && ordinal <= high; }
};

// Ordinals inside are those of y = sgn(a_f)·x_f, in which the map rises.
template <DType D>
class ChildInterval {
 public:
  using Format = FloatGrid<D>;
  using Word = typename Format::Word;

  // a_followed ≠ 0
  explicit ChildInterval(double a_followed)
      : a_(std::fabs(a_followed)), reciprocal_(1 / a_), flip_(a_followed < 0 ? Format::kSign : Word{0}) {}

  double reciprocal() const { return reciprocal_; }
  // What y differs by in bits from the followed child.
  Word flip() const { return flip_; }

  // `coded` = scaled(a_c, x_c)
  Word parent(Word followed, double coded, Grid parent_grid) const {
    return Format::round(scaled<D>(a_, static_cast<Word>(followed ^ flip_)) + coded, parent_grid);
  }

  std::int64_t ordinal(Word followed, Grid grid) const {
    return Format::ordinal(static_cast<Word>(followed ^ flip_), grid);
  }
  Word followed(std::int64_t y, Grid grid) const { return static_cast<Word>(Format::word(y, grid) ^ flip_); }

  // The ordinals of y on the followed child's grid that give this parent.
  OrdinalRange range(Word parent, double coded, Grid grid, Grid parent_grid) const {
    const std::int64_t ordinal = Format::ordinal(parent, parent_grid);
    return {first(Format::threshold_key(ordinal, parent_grid), coded, grid),
            first(Format::threshold_key(ordinal + 1, parent_grid), coded, grid) - 1};
  }

  // What parent and coded child say of the followed child; inside the interval if there is one.
  Word nearest(Word parent, double coded, Grid grid, Grid parent_grid) const {
    const double y = (Format::to_double(parent) - coded) / a_;
    std::int64_t ordinal = Format::ordinal(Format::round(y, grid), grid);
    const OrdinalRange children = range(parent, coded, grid, parent_grid);
    if (!children.empty()) ordinal = std::clamp(ordinal, children.low, children.high);
    return followed(ordinal, grid);
  }

 private:
  // The smallest child ordinal whose sum has at least this order_key; max_ordinal + 1 where none has.
  std::int64_t first(std::int64_t key, double coded, Grid grid) const {
    if (key == std::numeric_limits<std::int64_t>::min()) return Format::min_ordinal(grid);
    if (key == std::numeric_limits<std::int64_t>::max()) return Format::max_ordinal(grid) + 1;
    const double bound = from_order_key(key);
    const double y = (bound - coded) * reciprocal_;
    if constexpr (D != DType::F64) {
      std::int64_t above;
      if (clear_of_numbers(y, std::max(std::fabs(bound), std::fabs(coded)), grid, above)) return above;
    }
    return search(y, key, coded, grid);
  }

  // Whether y lies so far from every number of the grid that rounding cannot have moved it past one; then `above` is
  // the ordinal of the next number. Errors of y are below 2^−49·largest/a: in search() they are a few numbers at most.
  bool clear_of_numbers(double y, double largest, Grid grid, std::int64_t& above) const {
    const double magnitude = std::fabs(y);
    const auto bits = std::bit_cast<std::uint64_t>(magnitude);
    const std::uint64_t exponent = bits >> 52;
    const int floating = 1023 - Format::kBias + grid.floor;
    const bool linear = static_cast<int>(exponent) < floating;
    // Of the larger one of y and the floor, so that a step is 2^(of that − mantissa bits).
    const int scale = std::max(static_cast<int>(exponent), floating) - 1023 - (Format::kMantissa - grid.bits);
    const double step = Format::power_of_two(scale);
    if (!(step >= largest * reciprocal_ * 0x1p-32) || static_cast<int>(exponent) > 1022 + Format::kBias) return false;
    std::int64_t steps;
    double rest;  // in steps, [0, 1)
    if (linear) {
      const double in_steps = magnitude * Format::power_of_two(-scale);
      steps = static_cast<std::int64_t>(in_steps);
      rest = in_steps - static_cast<double>(steps);
    } else {
      const int drop = 52 - Format::kMantissa + grid.bits;
      steps = static_cast<std::int64_t>(bits >> drop) - ordinal_offset(grid);
      rest = static_cast<double>(bits & ((std::uint64_t{1} << drop) - 1)) * Format::power_of_two(-drop);
    }
    above = std::signbit(y) ? ~steps : steps + 1;
    return rest > 0x1p-16 && rest < 1 - 0x1p-16;
  }
  static std::int64_t ordinal_offset(Grid grid) {
    return static_cast<std::int64_t>(1023 - Format::kBias + grid.floor - 1) << (Format::kMantissa - grid.bits);
  }

  // The exact answer from an estimate y.
  std::int64_t search(double y, std::int64_t key, double coded, Grid grid) const {
    const Sums sums{a_, coded, grid};
    const std::int64_t least = Format::min_ordinal(grid), most = Format::max_ordinal(grid);
    const std::int64_t towards_zero = Format::truncated_ordinal(y, grid);
    const std::int64_t under = std::signbit(y) ? towards_zero - 1 : towards_zero;
    if (under >= least && sums.key(under) >= key) return search_down(sums, under, least, key);
    if (under < most && sums.key(under + 1) < key) return search_up(sums, under + 1, most, key);
    return under + 1;
  }

  struct Sums {
    double a, coded;
    Grid grid;

    std::int64_t key(std::int64_t y) const { return order_key(scaled<D>(a, Format::word(y, grid)) + coded); }
  };

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

  // `hit` has at least the key; what lies below it may have too.
  static std::int64_t search_down(const Sums& sums, std::int64_t hit, std::int64_t least, std::int64_t key) {
    std::int64_t miss = least - 1;
    for (std::uint64_t step = 1; step <= distance(least, hit); step *= 2) {
      const std::int64_t next = below(hit, step);
      if (sums.key(next) < key) {
        miss = next;
        break;
      }
      hit = next;
    }
    return bisect(sums, miss, hit, key);
  }

  // `miss` has less than the key; what lies above it may have less too.
  static std::int64_t search_up(const Sums& sums, std::int64_t miss, std::int64_t most, std::int64_t key) {
    std::int64_t hit = most + 1;
    for (std::uint64_t step = 1; step <= distance(miss, most); step *= 2) {
      const std::int64_t next = above(miss, step);
      if (sums.key(next) >= key) {
        hit = next;
        break;
      }
      miss = next;
    }
    return bisect(sums, miss, hit, key);
  }

  static std::int64_t bisect(const Sums& sums, std::int64_t miss, std::int64_t hit, std::int64_t key) {
    while (distance(miss, hit) > 1) {
      const std::int64_t middle = above(miss, distance(miss, hit) / 2);
      (sums.key(middle) >= key ? hit : miss) = middle;
    }
    return hit;
  }

  double a_, reciprocal_;
  Word flip_;
};

}  // namespace herm
