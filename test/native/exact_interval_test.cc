// The followed child of one number of one merge, against a search through all words of 16-bit formats.
#include "kernels/exact_interval.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

using namespace herm;

namespace {

template <DType D>
class AllChildren {
 public:
  using Format = FloatGrid<D>;

  AllChildren(Grid child_grid, Grid parent_grid) : child_grid_(child_grid), parent_grid_(parent_grid) {}

  // Every parent of every child, each checked against its children.
  bool check(double a_followed, double coded) const {
    const ChildInterval<D> interval(a_followed);
    std::vector<std::vector<std::int64_t>> children(0x10000);
    for (std::int64_t y = Format::min_ordinal(child_grid_); y <= Format::max_ordinal(child_grid_); ++y) {
      const double sum = std::fabs(a_followed) * Format::to_double(Format::word(y, child_grid_)) + coded;
      children[Format::round(sum, parent_grid_)].push_back(y);
    }
    bool good = true;
    for (std::int64_t p = Format::min_ordinal(parent_grid_); p <= Format::max_ordinal(parent_grid_); ++p) {
      const std::uint16_t parent = Format::word(p, parent_grid_);
      good = good && agrees(interval, parent, coded, children[parent]);
    }
    return good;
  }

 private:
  bool agrees(const ChildInterval<D>& interval, std::uint16_t parent, double coded,
              const std::vector<std::int64_t>& children) const {
    const OrdinalRange range = interval.range(parent, coded, child_grid_, parent_grid_);
    const std::uint16_t guess = interval.nearest(parent, coded, child_grid_, parent_grid_);
    if (children.empty()) return range.empty() && Format::finite(guess);
    if (range.low != children.front() || range.high != children.back()) return false;
    for (const std::int64_t y : {range.low, range.high}) {
      const std::uint16_t child = interval.followed(y, child_grid_);
      if (interval.ordinal(child, child_grid_) != y || interval.parent(child, coded, parent_grid_) != parent)
        return false;
    }
    return range.holds(interval.ordinal(guess, child_grid_));
  }

  Grid child_grid_, parent_grid_;
};

template <DType D>
void check_format(int guard) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> words(0, 0xffff);
  const double extremes[] = {1, -1, 0.5, 65504, -65504, 0x1p-24, -0x1p-24, 0.333251953125};
  const int floor = FloatGrid<D>::kBias - 2;
  const std::pair<Grid, Grid> grids[] = {{{0, 1}, {guard, 1}},
                                         {{0, 1}, {guard, floor}},
                                         {{guard, 1}, {guard, floor}},
                                         {{guard, floor}, {guard, floor + 3}}};
  for (const auto& [child_grid, parent_grid] : grids) {
    const AllChildren<D> all(child_grid, parent_grid);
    for (int k = 0; k < 16; ++k) {
      double a = k < 8 ? extremes[k] : normal(random);
      std::uint16_t half, word;
      narrow(DType::F16, &a, 1, &half);
      widen(DType::F16, &half, 1, &a);
      do {
        word = static_cast<std::uint16_t>(words(random));
      } while (!FloatGrid<D>::finite(word));
      const double coded[] = {scaled<D>(normal(random), word), 0.0, -0.0,
                              FloatGrid<D>::to_double(FloatGrid<D>::kMaxFinite)};
      CAPTURE(a);
      CAPTURE(coded[k % 4]);
      CHECK(all.check(a, coded[k % 4]));
    }
  }
}

}  // namespace

TEST_CASE("exact_interval: half precision, every parent and every child") { check_format<DType::F16>(2); }

TEST_CASE("exact_interval: bfloat16, every parent and every child") { check_format<DType::BF16>(1); }
