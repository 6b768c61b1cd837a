#include "kernels/exact_tree.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "exact_support.h"
#include "kernels/error.h"
#include "kernels/exact_interval.h"
#include "kernels/lane_gains.h"
#include "kernels/lane_grids.h"
#include "kernels/nearest_splits.h"

using namespace herm;
using namespace herm::test;

namespace {

// Every parent's lane by its definition: one child's, or the sum of the children, rounded to its own grid.
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
    if (!absorbing) CHECK(nodes.gains[parent] == 1);
    for (const std::size_t child : {0, 1}) a[child] *= nodes.gains[i + child];
    for (std::size_t e = 0; e < nodes.length; ++e) {
      const Word by_definition = absorbing
                                     ? number(i + nodes.followed[n], e)
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
  // The third lane is close to the first one, doubled, and no multiple of it.
  for (std::size_t e = 0; e < 500; ++e) {
    const double x = FloatGrid<DType::BF16>::to_double(load_word<std::uint16_t>(words.data(), e));
    store_word(words.data(), 1000 + e, FloatGrid<DType::BF16>::round((e % 2 ? 2.05 : 1.95) * x, Grid{}));
  }
  const Tree alike{{0, 2}, {0x3800, 0x3800}}, unlike{{0, 1}, {0x3800, 0x3800}};
  CHECK(unfold(DType::BF16, words, 3, 500, alike).floors[0] == 1);
  const int floor = unfold(DType::BF16, words, 3, 500, unlike).floors[0];
  // Half the sum of two numbers of deviation 0.05: 0.035.
  CHECK(floor == 127 + std::ilogb(0.035));
}

TEST_CASE("exact_tree: numbers far above their element's scale do not coarsen the rest of their parent") {
  using Format = FloatGrid<DType::F32>;
  constexpr std::size_t kLanes = 20, kLength = 300;
  Random random(6);
  Bytes words = random_words<DType::F32>(random, Data::gaussian, kLanes, kLength);
  const auto number = [&](const Bytes& from, std::size_t lane, std::size_t e) {
    return Format::to_double(load_word<std::uint32_t>(from.data(), lane * kLength + e));
  };
  // Three elements that only the first two lanes have.
  for (std::size_t lane = 2; lane < kLanes; ++lane) {
    for (const std::size_t e : {7, 80, 299})
      store_word(words.data(), lane * kLength + e, Format::round(0x1p-40 * number(words, lane, e), Grid{}));
  }
  const Nodes nodes = unfold(DType::F32, words, kLanes, kLength, Tree{{0, 1}, {0x3800, 0x3800}});
  double away = 0, norm = 0;
  for (std::size_t e = 0; e < kLength; ++e) {
    const double sum = 0.5 * (number(words, 0, e) + number(words, 1, e));
    away += std::pow(number(nodes.words, 0, e) - sum, 2);
    norm += sum * sum;
  }
  CHECK(std::sqrt(away / norm) < 0x1p-20);
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

TEST_CASE(
    "exact_tree: a merge of multiples keeps the lane that tells most of the other, and says by a gain what it is") {
  for_every_format([]<DType D>() {
    using Format = FloatGrid<D>;
    using Word = typename Format::Word;
    Random random(9);
    // Doubles are multiples of each other as nearly as that by powers of two alone; either lane tells the other then.
    const double factor = D == DType::F64 ? 2 : 1.37;
    const std::size_t kept = D == DType::F64 ? 0 : 1;
    // Lanes: a copy of the one in the middle, times the factor; that one; another one.
    Bytes words = random_words<D>(random, Data::gaussian, 3, 400);
    const auto number = [&](const Bytes& from, std::size_t k) {
      return Format::to_double(load_word<Word>(from.data(), k));
    };
    for (std::size_t e = 0; e < 400; ++e)
      store_word(words.data(), e, Format::round(factor * number(words, 400 + e), Grid{}));
    // Half of each; then a quarter of that, less half of the third.
    const Tree tree{{0, 1, 0, 2}, {0x3800, 0x3800, 0x3400, 0xb800}};
    const Nodes nodes = unfold(D, words, 3, 400, tree);
    check_parents<D>(nodes);
    // Root 0; its children 1 and 2; the children 3 and 4 of node 1.
    CHECK(nodes.parents == std::vector<std::uint32_t>{0, 1});
    const std::uint16_t of_i = kept == 0 ? 0x3c00 : 0, of_j = kept == 0 ? 0 : 0x3c00;
    CHECK(nodes.coefficients == std::vector<std::uint16_t>{0x3400, 0xb800, of_i, of_j});
    CHECK(nodes.followed[1] == kept);
    CHECK(nodes.floors[1] == 0);
    CHECK(nodes.gains[0] == 1);
    CHECK(nodes.gains[1] == doctest::Approx(kept == 0 ? 0.5 + 0.5 / factor : 0.5 + 0.5 * factor).epsilon(1e-3));
    double away = 0, square = 0;
    for (std::size_t e = 0; e < 400; ++e) {
      CHECK(number(nodes.words, 400 + e) == number(words, 400 * kept + e));
      const double sum = 0.25 * 0.5 * (number(words, e) + number(words, 400 + e)) - 0.5 * number(words, 800 + e);
      away += std::pow(number(nodes.words, e) - sum, 2);
      square += sum * sum;
    }
    CHECK(std::sqrt(away / square) < 0.03);
  });
}

TEST_CASE("exact_tree: lanes that are alike, but no multiples, are merged") {
  Random random(10);
  Bytes words = random_words<DType::F32>(random, Data::gaussian, 2, 400);
  for (std::size_t e = 0; e < 400; ++e) {
    const double x = FloatGrid<DType::F32>::to_double(load_word<std::uint32_t>(words.data(), e));
    store_word(words.data(), 400 + e, FloatGrid<DType::F32>::round(x * (e % 2 ? 1.00002 : 0.99998), Grid{}));
  }
  const Nodes nodes = unfold(DType::F32, words, 2, 400, {{0, 1}, {0x3800, 0x3800}});
  CHECK(nodes.floors[0] == 1);
  CHECK(nodes.gains[0] == 1);
  check_parents<DType::F32>(nodes);
}

TEST_CASE("exact_tree: gains turn lanes into neurons on the tensor's own grid") {
  for_every_format([]<DType D>() {
    using Format = FloatGrid<D>;
    using Word = typename Format::Word;
    Random random(11);
    for (const Data data : {Data::gaussian, Data::wild}) {
      const Bytes words = random_words<D>(random, data, 5, 40);
      const std::vector<float> gains{1, 0.75F, -3.1F, 1e-30F, 1e30F};
      std::vector<float> element_gains(40, 1);
      for (std::size_t e = 0; e < 40; e += 3) element_gains[e] = -0.3F * static_cast<float>(e + 1);
      for (const bool elements : {false, true}) {
        Bytes neurons = words;
        const std::span<const float> of_elements =
            elements ? std::span<const float>(element_gains) : std::span<const float>();
        apply_gains(Job(2), {D, 0, 5, 40, gains, of_elements, neurons.data()});
        for (std::size_t k = 0; k < 200; ++k) {
          const double gain = double{gains[k / 40]} * (elements ? double{element_gains[k % 40]} : 1);
          const double value = gain * Format::to_double(load_word<Word>(words.data(), k));
          CHECK(load_word<Word>(neurons.data(), k) == Format::round(value, Grid{}));
        }
      }
    }
  });
  Bytes words(40);
  const float infinite[] = {INFINITY}, two[] = {2};
  CHECK_THROWS_AS(apply_gains(Job(), {DType::F32, 0, 1, 10, infinite, {}, words.data()}), std::invalid_argument);
  CHECK_THROWS_AS(apply_gains(Job(), {DType::F32, 0, 2, 5, two, {}, words.data()}), std::invalid_argument);
  CHECK_THROWS_AS(apply_gains(Job(), {DType::F32, 0, 2, 5, {}, two, words.data()}), std::invalid_argument);
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
  const std::vector<float> gains{1, 1};
  split_nearest(Job(), {DType::F32, 0, 300, positions, coefficients, gains, floors, nodes.followed, 2, lanes.data()});
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
