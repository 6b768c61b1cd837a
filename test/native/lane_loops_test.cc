#include "kernels/lane_loops.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/error.h"
#include "kernels/exact_interval.h"
#include "kernels/lane_models.h"
#include "kernels/strip.h"

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

// Symbols and the bits below them, which say numbers of a lane of scale 16·B.
template <DType D>
struct Said {
  using Code = NumberCode<D>;
  using Format = FloatGrid<D>;
  static constexpr int kScale = 16 * Format::kBias;

  explicit Said(const Case<D>& of) : c(of), symbols(c.kSize), low_bits(c.kSize), words(c.kSize) {
    std::mt19937_64 random(29);
    for (std::size_t e = 0; e < c.kSize; ++e) {
      do {
        symbols[e] = static_cast<std::uint8_t>(random() % kLevelSymbols);
        const std::uint64_t mask = (std::uint64_t{1} << Code::low_count(c.p[e])) - 1;
        low_bits[e] = static_cast<typename Case<D>::Ordinal>(random() & mask);
      } while (!say(e));
    }
  }
  // As number_symbols.h does one by one; false where there is no such number.
  bool say(std::size_t e) {
    const std::size_t symbol = symbols[e];
    if (symbol == kEscapeSymbol) return false;
    if (symbol < kEscapeSymbol) {
      words[e] = Format::word(symbol == 0 ? 0 : -1, c.p[e]);
      return true;
    }
    const auto place = static_cast<int>(symbol - kFirstLevelSymbol);
    const int level = ((kScale + 4 * c.shifts[e] + 2) >> 2) + kLowestLevel + place / 2;
    const bool negative = (place % 2 != 0) != NumberCode<D>::negative(c.parents[e]);
    try {
      words[e] = Format::word(Code::ordinal(level, static_cast<std::uint64_t>(low_bits[e]), negative, c.p[e]), c.p[e]);
    } catch (const KernelError&) {
      return false;
    }
    return true;
  }
  // How lane loops are told so; `opposite` of the signs.
  SymbolArrays<D> arrays(int opposite) const {
    return {symbols.data(), low_bits.data(),  grids_from(c.p, 0), c.shifts.data(),
            kScale,         c.parents.data(), Format::kSign,      opposite};
  }

  const Case<D>& c;
  std::vector<std::uint8_t> symbols;
  std::vector<typename Case<D>::Ordinal> low_bits;
  std::vector<typename Case<D>::Word> words;
};

template <DType D>
void check_said(const LaneLoops<D>& loops) {
  using Format = FloatGrid<D>;
  const Case<D> c;
  Said<D> said(c);
  std::vector<typename Case<D>::Word> words(c.kSize);
  CHECK(loops.numbers(said.arrays(0), c.kSize, words.data()) != 0);
  CHECK(words == said.words);
  CHECK(loops.numbers(said.arrays(1), c.kSize, words.data()) != 0);
  for (std::size_t e = 0; e < c.kSize; ++e) {
    const typename Case<D>::Word flip = said.symbols[e] < kEscapeSymbol ? 0 : Format::kSign;
    CHECK(words[e] == static_cast<typename Case<D>::Word>(said.words[e] ^ flip));
  }
  // Every number that there is not is found, wherever it stands.
  std::size_t impossible = 0;
  for (std::size_t e = 0; e < c.kSize; ++e) {
    const std::uint8_t symbol = said.symbols[e];
    for (const std::size_t other : {kFirstLevelSymbol, kLevelSymbols - 1}) {
      said.symbols[e] = static_cast<std::uint8_t>(other);
      const bool possible = said.say(e);
      CHECK((loops.numbers(said.arrays(0), c.kSize, words.data()) != 0) == possible);
      impossible += !possible;
    }
    said.symbols[e] = symbol;
  }
  CHECK(impossible > 0);
}

// How many numbers a range holds that are the cells of one binade, if one symbol tells them (strip.h).
template <DType D>
std::size_t count_choices(const OrdinalRange& range, Grid grid) {
  if (range.empty() || (range.low <= 0 && range.high >= -1)) return 0;
  const std::uint64_t binade = std::uint64_t{1} << (FloatGrid<D>::kMantissa - grid.bits);
  if (Cells<D>::magnitude(range.low) / binade != Cells<D>::magnitude(range.high) / binade) return 0;
  CHECK(Cells<D>(range, grid).count() == place_count(range));
  return place_count(range) <= kMaxUniform ? place_count(range) : 0;
}

template <DType D>
void check_choices(const LaneLoops<D>& loops) {
  using Ordinal = typename Case<D>::Ordinal;
  const Case<D> c;
  std::mt19937_64 random(31);
  std::vector<Ordinal> low(c.kSize), high(c.kSize);
  for (std::size_t e = 0; e < c.kSize; ++e) {
    low[e] = static_cast<Ordinal>(FloatGrid<D>::ordinal(c.parents[e], c.f[e]));
    const auto width = static_cast<Ordinal>(random() % (e % 7 == 0 ? 5000 : 9));
    const std::int64_t most = FloatGrid<D>::max_ordinal(c.f[e]);
    high[e] = static_cast<Ordinal>(std::min<std::int64_t>(most, std::int64_t{low[e]} + width - (e % 50 == 0)));
  }
  std::vector<std::uint16_t> choices(c.kSize);
  loops.choices(low.data(), high.data(), c.f.bits.data(), c.kSize, choices.data());
  std::size_t told = 0;
  for (std::size_t e = 0; e < c.kSize; ++e) {
    CAPTURE(e);
    CHECK(choices[e] == count_choices<D>({low[e], high[e]}, c.f[e]));
    told += choices[e] != 0;
  }
  CHECK(told > c.kSize / 10);
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

TEST_CASE("lane loops: numbers are those that symbols say one by one, on every kind of CPU") {
  for_each_cpu<DType::F64>([](const LaneLoops<DType::F64>& loops) { check_said<DType::F64>(loops); });
  for_each_cpu<DType::F32>([](const LaneLoops<DType::F32>& loops) { check_said<DType::F32>(loops); });
  for_each_cpu<DType::F16>([](const LaneLoops<DType::F16>& loops) { check_said<DType::F16>(loops); });
  for_each_cpu<DType::BF16>([](const LaneLoops<DType::BF16>& loops) { check_said<DType::BF16>(loops); });
}

TEST_CASE("lane loops: choices are those of a range in cells, on every kind of CPU") {
  for_each_cpu<DType::F64>([](const LaneLoops<DType::F64>& loops) { check_choices<DType::F64>(loops); });
  for_each_cpu<DType::F32>([](const LaneLoops<DType::F32>& loops) { check_choices<DType::F32>(loops); });
  for_each_cpu<DType::F16>([](const LaneLoops<DType::F16>& loops) { check_choices<DType::F16>(loops); });
  for_each_cpu<DType::BF16>([](const LaneLoops<DType::BF16>& loops) { check_choices<DType::BF16>(loops); });
}

TEST_CASE("lane loops: coarse grids are marked, and symbols looked through") {
  const std::size_t size = 133;
  LaneGrids grids(size);
  std::vector<std::uint8_t> symbols(size, kFirstLevelSymbol);
  for_each_cpu<DType::F32>([&](const LaneLoops<DType::F32>& loops) {
    std::vector<std::uint8_t> contexts(size, 5);
    for (std::size_t e = 0; e < size; ++e) {
      grids.bits[e] = e % 3 == 0 ? 4 : 1;
      grids.floors[e] = e % 5 == 0 ? 100 : 1;
    }
    const std::size_t found = loops.mark_coarse(grids_from(grids, 0), Grid{1, 1}, size, contexts.data());
    std::size_t coarse = 0;
    for (std::size_t e = 0; e < size; ++e) {
      const bool other = e % 3 == 0 || e % 5 == 0;
      CHECK(contexts[e] == (other ? 5 + kMagnitudes : 5));
      coarse += other;
    }
    CHECK(found == coarse);
    CHECK(loops.all_relative(symbols.data(), size) == 1);
    for (std::size_t e = 0; e < size; ++e) {
      symbols[e] = kEscapeSymbol;
      CHECK(loops.all_relative(symbols.data(), size) == 0);
      symbols[e] = kFirstLevelSymbol;
    }
  });
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
