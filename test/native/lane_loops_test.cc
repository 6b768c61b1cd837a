#include "kernels/lane_loops.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/exact_interval.h"
#include "kernels/lane_models.h"

using namespace herm;

namespace {

// Numbers of all sizes, on grids of all sorts.
template <DType D>
struct Case {
  using Format = FloatGrid<D>;
  using Word = typename Format::Word;
  using Ordinal = typename LaneLoops<D>::Ordinal;
  static constexpr std::size_t kSize = 1037;

  Case() : parents(kSize), coded(kSize), p(kSize), f(kSize), shifts(kSize) {
    std::mt19937_64 random(23);
    for (std::size_t e = 0; e < kSize; ++e) {
      fill(random, e, p);
      fill(random, e, f);
      parents[e] = Format::word(Format::ordinal(finite(random, e), p[e]), p[e]);
      coded[e] = finite(random, e + 1);
      shifts[e] = static_cast<std::int8_t>(random() % 21) - 10;
    }
  }

  static void fill(std::mt19937_64& random, std::size_t e, LaneGrids& grids) {
    grids.bits[e] = static_cast<std::int32_t>(random() % (Format::kMantissa + 1));
    grids.floors[e] = 1 + static_cast<std::int32_t>(random() % (e % 3 == 0 ? Format::kMaxFloor : Format::kBias));
  }
  static Word finite(std::mt19937_64& random, std::size_t e) {
    if (e % 17 == 0) return e % 2 == 0 ? Word{0} : Format::kSign;
    if (e % 19 == 0) return Format::kMaxFinite;
    const double spread = std::exp2(static_cast<double>(random() % 40) - 30);
    const double value = spread * (static_cast<double>(random() % 2000001) - 1e6) / 1e6;
    return Format::round(e % 5 == 0 ? value : value / 1000, Grid{});
  }

  std::vector<Word> parents, coded;
  LaneGrids p, f;
  std::vector<std::int8_t> shifts;
};

template <DType D>
void check_numbers(const LaneLoops<D>& loops) {
  using Format = FloatGrid<D>;
  const Case<D> c;
  std::vector<typename Case<D>::Ordinal> ordinals(c.kSize);
  loops.ordinals(c.parents.data(), grids_from(c.p, 0), 0, c.kSize, ordinals.data());
  std::vector<typename Case<D>::Word> words(c.kSize);
  loops.words(ordinals.data(), grids_from(c.p, 0), Format::kSign, c.kSize, words.data());
  std::vector<std::int32_t> levels(c.kSize);
  const LevelSum of = loops.levels(c.parents.data(), grids_from(c.p, 0), c.shifts.data(), c.kSize, levels.data());
  std::int64_t sum = 0, count = 0;
  for (std::size_t e = 0; e < c.kSize; ++e) {
    CAPTURE(e);
    CHECK(ordinals[e] == Format::ordinal(c.parents[e], c.p[e]));
    CHECK(words[e] == static_cast<typename Case<D>::Word>(c.parents[e] ^ Format::kSign));
    if (NumberCode<D>::is_zero(c.parents[e])) continue;
    CHECK(levels[e] == NumberCode<D>::level(c.parents[e], c.p[e]) - c.shifts[e]);
    sum += levels[e];
    ++count;
  }
  CHECK(of.sum == sum);
  CHECK(of.count == count);
}

// Returns the share that needs no search.
template <DType D>
double check_ranges(const LaneLoops<D>& loops, double a_followed, double a_coded) {
  const Case<D> c;
  const ChildInterval<D> interval(a_followed);
  std::vector<typename Case<D>::Ordinal> low(c.kSize), high(c.kSize);
  std::vector<std::int32_t> clear(c.kSize);
  const RangeArrays<D> in{c.parents.data(), grids_from(c.p, 0), c.coded.data(), grids_from(c.f, 0)};
  loops.ranges(in, a_coded, interval.reciprocal(), c.kSize, low.data(), high.data(), clear.data());
  double known = 0;
  for (std::size_t e = 0; e < c.kSize; ++e) {
    if (clear[e] == 0) continue;
    CAPTURE(e);
    const OrdinalRange range = interval.range(c.parents[e], scaled<D>(a_coded, c.coded[e]), c.f[e], c.p[e]);
    CHECK(low[e] == range.low);
    CHECK(high[e] == range.high);
    ++known;
  }
  return known / static_cast<double>(c.kSize);
}

// check(loops) with those of every kind of CPU that this one can be.
template <DType D, class Check>
void for_each_cpu(Check&& check) {
  const auto all = all_lane_loops<D>();
  REQUIRE(!all.empty());
  CHECK(all.back() == &lane_loops<D>());
  for (std::size_t cpu = 0; cpu < all.size(); ++cpu) {
    CAPTURE(cpu);
    check(*all[cpu]);
  }
}

template <DType D>
void check_numbers_on_each_cpu() {
  for_each_cpu<D>([](const LaneLoops<D>& loops) { check_numbers<D>(loops); });
}

// `least`: the share that needs no search.
template <DType D>
void check_ranges_on_each_cpu(double a_followed, double a_coded, double least) {
  for_each_cpu<D>([&](const LaneLoops<D>& loops) { CHECK(check_ranges<D>(loops, a_followed, a_coded) >= least); });
}

}  // namespace

TEST_CASE("lane loops: ordinals, numbers and levels are those of the grids, on every kind of CPU") {
  check_numbers_on_each_cpu<DType::F64>();
  check_numbers_on_each_cpu<DType::F32>();
  check_numbers_on_each_cpu<DType::F16>();
  check_numbers_on_each_cpu<DType::BF16>();
}

TEST_CASE("lane loops: intervals are those of a search, wherever they claim to know, on every kind of CPU") {
  for (const auto& [followed, coded] : {std::pair{0.5, 0.5}, {1.0, 0.0}, {-0.625, 0.3}, {3.0, -2.5}, {1e-3, 0.999}}) {
    CAPTURE(followed);
    check_ranges_on_each_cpu<DType::F32>(followed, coded, 0.1);
    check_ranges_on_each_cpu<DType::F16>(followed, coded, 0.1);
    check_ranges_on_each_cpu<DType::BF16>(followed, coded, 0.1);
    check_ranges_on_each_cpu<DType::F64>(followed, coded, 0);
  }
}

TEST_CASE("lane loops: classes of magnitude") {
  const std::vector<std::uint32_t> words{0, 0x80000000u, 1, 1, 1, 1, 1};
  const std::vector<std::int32_t> levels{0, 0, 0, -100, 100, 1, -12};
  std::vector<std::uint8_t> contexts(words.size());
  for_each_cpu<DType::F32>([&](const LaneLoops<DType::F32>& loops) {
    loops.contexts(words.data(), levels.data(), 0, words.size(), contexts.data());
    CHECK(contexts == std::vector<std::uint8_t>{0, 0, 9, 1, kMagnitudes - 1, 9, 3});
  });
}
