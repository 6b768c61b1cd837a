#include "kernels/exact_tree.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "exact_support.h"
#include "kernels/error.h"
#include "kernels/exact_interval.h"
#include "kernels/lane_grids.h"

using namespace herm;
using namespace herm::test;

namespace {

// Every parent by its definition: the sum of its children, rounded to its own grid.
template <DType D>
void check_parents(const Nodes& nodes) {
  using Format = FloatGrid<D>;
  using Word = typename Format::Word;
  const GridRule grids(D, nodes.shift, nodes.element_shifts, nodes.element_floors);
  const auto number = [&](std::size_t node, std::size_t e) {
    return load_word<Word>(nodes.words.data(), node * nodes.length + e);
  };
  bool same = true;
  for (std::size_t n = 0; n < nodes.parents.size(); ++n) {
    double a[2];
    widen(DType::F16, nodes.coefficients.data() + 2 * n, 2, a);
    const std::size_t i = nodes.roots + 2 * n, parent = nodes.parents[n];
    const bool absorbing = (a[0] == 1 && a[1] == 0) || (a[0] == 0 && a[1] == 1);
    CHECK(a[nodes.followed[n]] != 0);
    for (std::size_t e = 0; e < nodes.length; ++e) {
      const Word by_definition = absorbing
                                     ? number(i + (a[0] == 0), e)
                                     : Format::round(scaled<D>(a[0], number(i, e)) + scaled<D>(a[1], number(i + 1, e)),
                                                     grids.of(nodes.floors[parent], e));
      same = same && number(parent, e) == by_definition;
    }
  }
  CHECK(same);
}

}  // namespace

TEST_CASE("exact_tree: every node is what its children give on its grid, and leaves are the tensor's own numbers") {
  for_every_format([]<DType D>() {
    Random random(3);
    for (const Data data : {Data::gaussian, Data::coarse, Data::wild, Data::zeros, Data::duplicates}) {
      CAPTURE(static_cast<int>(data));
      const Bytes words = random_words<D>(random, data, 20, 70);
      const Tree tree = random_tree(random, 20, 3);
      const Nodes nodes = unfold(D, words, 20, 70, tree);
      check_parents<D>(nodes);
      const std::size_t row = 70 * dtype_bytes(D);
      std::size_t leaves = 0;
      for (std::size_t node = 0; node < nodes.floors.size(); ++node) {
        for (std::size_t lane = 0; lane < 20 && nodes.floors[node] == 0; ++lane)
          leaves += std::memcmp(&nodes.words[node * row], &words[lane * row], row) == 0;
      }
      CHECK(leaves >= 20);
    }
  });
}

TEST_CASE("exact_tree: merging in place gives the roots, by any number of threads and in any steps") {
  Random random(4);
  const Bytes words = random_words<DType::F32>(random, Data::gaussian, 30, 200);
  const Tree tree = random_tree(random, 30, 4);
  const Nodes nodes = unfold(DType::F32, words, 30, 200, tree);
  for (const int threads : {1, 4}) {
    Bytes lanes = words;
    const Lanes view{DType::F32, nodes.shift, 30, 200, lanes.data(), {}};
    const LanePlan plan = plan_lanes(Job(threads), view, tree.view());
    merge_lanes(Job(threads), view, tree.view(), plan, 0, 11);
    merge_lanes(Job(threads), view, tree.view(), plan, 11, tree.merges());
    std::vector<char> gone(30);
    for (std::size_t t = 0; t < tree.merges(); ++t) gone[tree.pairs[2 * t + 1]] = 1;
    std::size_t root = 0;
    for (std::size_t slot = 0; slot < 30; ++slot) {
      if (!gone[slot]) CHECK(std::memcmp(&lanes[slot * 800], &nodes.words[800 * root++], 800) == 0);
    }
    const Nodes again = unfold(DType::F32, words, 30, 200, tree, {}, false, threads);
    CHECK(again.words == nodes.words);
    CHECK(again.floors == nodes.floors);
  }
}

TEST_CASE("exact_tree: parents of alike children keep small numbers, others are evenly spaced around zero") {
  Random random(5);
  Bytes words = random_words<DType::BF16>(random, Data::gaussian, 3, 500);
  // The third lane is the first one, doubled.
  for (std::size_t e = 0; e < 500; ++e) {
    const double x = FloatGrid<DType::BF16>::to_double(load_word<std::uint16_t>(words.data(), e));
    store_word(words.data(), 1000 + e, FloatGrid<DType::BF16>::round(2 * x, Grid{}));
  }
  const Tree alike{{0, 2}, {0x3800, 0x3800}}, unlike{{0, 1}, {0x3800, 0x3800}};
  CHECK(unfold(DType::BF16, words, 3, 500, alike).floors[0] == 1);
  const int floor = unfold(DType::BF16, words, 3, 500, unlike).floors[0];
  // Half the sum of two numbers of deviation 0.05: 0.035.
  CHECK(floor == 127 + std::ilogb(0.035));
}

TEST_CASE("exact_tree: shift and guard bits") {
  CHECK(guard_bits(DType::F64, 0) == 3);
  CHECK(guard_bits(DType::F32, 0) == 3);
  CHECK(guard_bits(DType::F32, 16) == 1);
  CHECK(guard_bits(DType::F16, 0) == 2);
  CHECK(guard_bits(DType::BF16, 0) == 1);
  CHECK(guard_bits(DType::BF16, 7) == 0);
  const std::vector<std::uint32_t> halves{0x3f800000, 0xbf400000, 0}, zeros{0, 0x80000000};
  const auto shift = [](const std::vector<std::uint32_t>& words) {
    return tensor_shift(Job(), DType::F32, reinterpret_cast<const std::uint8_t*>(words.data()), words.size());
  };
  CHECK(shift(halves) == 22);
  CHECK(shift(zeros) == 0);
  CHECK_THROWS_AS(shift({0x7f800000}), KernelError);
}

TEST_CASE("exact_tree: splitting without a record keeps the coded child and lands in the followed child's interval") {
  Random random(6);
  const Bytes words = random_words<DType::F32>(random, Data::gaussian, 2, 300);
  const Tree tree{{0, 1}, {0x3a00, 0xb400}};
  const Nodes nodes = unfold(DType::F32, words, 2, 300, tree);
  const bool second = nodes.followed[0] != 0;
  const std::size_t coded = 2 - second, row = 1200;
  Bytes lanes(nodes.words.begin(), nodes.words.begin() + row);
  lanes.insert(lanes.end(), nodes.words.begin() + static_cast<std::ptrdiff_t>(coded * row),
               nodes.words.begin() + static_cast<std::ptrdiff_t>((coded + 1) * row));
  const std::vector<std::uint32_t> positions{0, 1};
  const std::vector<std::uint16_t> coefficients{tree.coefficients[second], tree.coefficients[1 - second]};
  const std::vector<std::uint16_t> floors{nodes.floors[0], 0};
  split_nearest(Job(), {DType::F32, 0, 300, positions, coefficients, floors, nodes.followed, 2, lanes.data()});
  // Parents have few bits fewer: children come back to a few parts in a million.
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t e = 0; e < 300; ++e) {
      const double was = FloatGrid<DType::F32>::to_double(load_word<std::uint32_t>(words.data(), k * 300 + e));
      const double is = FloatGrid<DType::F32>::to_double(load_word<std::uint32_t>(lanes.data(), k * 300 + e));
      CHECK(std::fabs(was - is) <= 1e-6 * 0.2);
    }
  }
}

TEST_CASE("exact_tree: what is no tree is refused, and an aborted job stops") {
  Random random(8);
  Bytes words = random_words<DType::F32>(random, Data::gaussian, 4, 10);
  const Lanes view{DType::F32, 0, 4, 10, words.data(), {}};
  for (const Tree& tree : {Tree{{2, 1}, {0x3c00, 0x3c00}}, Tree{{0, 4}, {0x3c00, 0x3c00}}, Tree{{0, 1}, {0, 0x8000}},
                           Tree{{0, 1}, {0x7c00, 0x3c00}}}) {
    CHECK_THROWS_AS(plan_lanes(Job(), view, tree.view()), KernelError);
  }
  const std::vector<std::uint32_t> half_a_pair{0};
  CHECK_THROWS_AS(plan_lanes(Job(), view, {half_a_pair, {}}), std::invalid_argument);
  std::int32_t control[2] = {1, 0};
  const Tree tree = random_tree(random, 4, 1);
  CHECK_THROWS_AS(plan_lanes(Job(1, control), view, tree.view()), Aborted);
}
