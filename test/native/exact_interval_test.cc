// The followed child of one number of one merge, against a search through all words of 16-bit formats.
#include "kernels/exact_interval.h"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <vector>

using namespace herm;

namespace {

template <DType D>
class AllChildren {
 public:
  using Grid = FloatGrid<D>;

  AllChildren(int child_grid, int parent_grid) : child_grid_(child_grid), parent_grid_(parent_grid) {}

  // Every parent of every child, each checked against its children.
  bool check(double a_followed, double coded) const {
    const ChildInterval<D> interval(a_followed, coded, child_grid_, parent_grid_);
    std::vector<std::vector<std::uint16_t>> children(0x10000);
    for (std::uint32_t w = 0; w < 0x10000; w += 1u << child_grid_) {
      const auto word = static_cast<std::uint16_t>(w);
      if (!Grid::finite(word)) continue;
      const double sum = a_followed * Grid::to_double(word) + coded;
      children[Grid::round(sum, parent_grid_)].push_back(word);
    }
    bool good = true;
    for (std::uint32_t parent = 0; parent < 0x10000; parent += 1u << parent_grid_) {
      if (Grid::finite(static_cast<std::uint16_t>(parent)))
        good = good && agrees(interval, static_cast<std::uint16_t>(parent), children[parent]);
    }
    return good;
  }

 private:
  static bool agrees(const ChildInterval<D>& interval, std::uint16_t parent,
                     const std::vector<std::uint16_t>& children) {
    std::uint16_t child = 0;
    // Indexes are the children's numbers from 0 …
    std::set<std::uint64_t> indexes;
    for (const std::uint16_t word : children) {
      const std::uint64_t index = interval.index(parent, word);
      if (index >= children.size() || !interval.child(parent, index, child) || child != word) return false;
      indexes.insert(index);
    }
    // … each once, and there are no others.
    for (const std::uint64_t beyond : {std::uint64_t{children.size()}, std::uint64_t{0xffff}, std::uint64_t{0x8000}}) {
      if (beyond >= children.size() && interval.child(parent, beyond, child)) return false;
    }
    const std::uint16_t guess = interval.nearest(parent);
    const bool inside = std::find(children.begin(), children.end(), guess) != children.end();
    return indexes.size() == children.size() && Grid::finite(guess) && (children.empty() || inside);
  }

  int child_grid_, parent_grid_;
};

template <DType D>
void check_format(int guard) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> words(0, 0xffff);
  const double extremes[] = {1, -1, 0.5, 65504, -65504, 0x1p-24, -0x1p-24, 0.333251953125};
  for (const int child_grid : {0, guard}) {
    const AllChildren<D> all(child_grid, guard);
    for (int k = 0; k < 24; ++k) {
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
