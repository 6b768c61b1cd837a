#include "kernels/float_grid.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace herm;

namespace {

using F64 = FloatGrid<DType::F64>;
using F32 = FloatGrid<DType::F32>;
using F16 = FloatGrid<DType::F16>;
using BF16 = FloatGrid<DType::BF16>;

double widened(DType dtype, std::uint16_t word) {
  double value;
  widen(dtype, &word, 1, &value);
  return value;
}

// All finite numbers of a 16-bit format on a grid, in the order of their ordinals, by sorting values alone.
template <DType D>
std::vector<std::uint16_t> sorted_words(int g) {
  std::vector<std::uint16_t> words;
  for (std::uint32_t w = 0; w < 0x10000; ++w) {
    const auto word = static_cast<std::uint16_t>(w);
    if (w % (1u << g) == 0 && std::isfinite(widened(D, word))) words.push_back(word);
  }
  std::sort(words.begin(), words.end(), [](std::uint16_t a, std::uint16_t b) {
    const double x = widened(D, a), y = widened(D, b);
    return x != y ? x < y : std::signbit(x) && !std::signbit(y);
  });
  return words;
}

// Nearest by search; a tie goes to the word whose bit g is zero; ±0 as the sign of the value says.
template <class Grid>
std::uint16_t nearest_by_search(const std::vector<std::uint16_t>& words, double value, int g) {
  const auto above =
      std::partition_point(words.begin(), words.end(), [&](std::uint16_t w) { return Grid::to_double(w) < value; });
  std::uint16_t best = above == words.end() ? words.back() : *above;
  if (above != words.begin() && above != words.end()) {
    const std::uint16_t below = *(above - 1);
    const double up = Grid::to_double(best) - value, down = value - Grid::to_double(below);
    if (down < up || (down == up && (below >> g) % 2 == 0)) best = below;
  }
  if (Grid::to_double(best) == 0) best = std::signbit(value) ? 0x8000 : 0;
  return best;
}

template <DType D>
void check_16_bit_format() {
  using Grid = FloatGrid<D>;
  std::mt19937_64 random(7);
  for (int g = 0; g <= Grid::kMantissa; ++g) {
    CAPTURE(g);
    const auto words = sorted_words<D>(g);
    REQUIRE(Grid::ordinal(words.front(), g) == Grid::min_ordinal(g));
    REQUIRE(Grid::ordinal(words.back(), g) == Grid::max_ordinal(g));
    bool same = true;
    for (std::size_t k = 0; k < words.size(); ++k) {
      const std::int64_t ordinal = Grid::min_ordinal(g) + static_cast<std::int64_t>(k);
      same = same && Grid::ordinal(words[k], g) == ordinal && Grid::word(ordinal, g) == words[k] &&
             Grid::finite(words[k]) && Grid::on_grid(words[k], g);
    }
    CHECK(same);

    bool rounds = true, thresholds = true;
    const auto check = [&](double value) {
      rounds = rounds && Grid::round(value, g) == nearest_by_search<Grid>(words, value, g);
    };
    for (std::size_t k = 0; k + 1 < words.size(); ++k) {
      const double x = Grid::to_double(words[k]), y = Grid::to_double(words[k + 1]), middle = (x + y) / 2;
      for (const double value : {x, middle, std::nextafter(middle, x), std::nextafter(middle, y)}) check(value);
      const std::int64_t ordinal = Grid::ordinal(words[k + 1], g), key = Grid::threshold_key(ordinal, g);
      thresholds = thresholds && Grid::round(from_order_key(key), g) == words[k + 1] &&
                   Grid::round(from_order_key(key - 1), g) == words[k];
    }
    for (int k = 0; k < 2000; ++k) {
      const double value = std::bit_cast<double>(random());
      if (!std::isnan(value)) check(value);
    }
    CHECK(rounds);
    CHECK(thresholds);
  }
}

// Rounding of a wide format against its two neighbours, in long double (64-bit mantissa: the differences are exact).
template <class Grid>
bool rounds_to_nearest(double value, int g) {
  const auto word = Grid::round(value, g);
  const std::int64_t ordinal = Grid::ordinal(word, g);
  const auto error = [&](std::int64_t o) {
    return std::fabs(static_cast<long double>(Grid::to_double(Grid::word(o, g))) - static_cast<long double>(value));
  };
  const auto odd = [](std::int64_t o) { return ((o < 0 ? ~o : o) & 1) != 0; };
  for (const std::int64_t other : {ordinal - 1, ordinal + 1}) {
    if (other < Grid::min_ordinal(g) || other > Grid::max_ordinal(g)) continue;
    if (Grid::to_double(Grid::word(other, g)) == 0 && Grid::to_double(word) == 0) continue;
    if (error(other) < error(ordinal) || (error(other) == error(ordinal) && odd(ordinal))) return false;
  }
  return Grid::on_grid(word, g) && std::signbit(Grid::to_double(word)) == std::signbit(value);
}

template <class Grid>
void check_wide_format(std::initializer_list<int> grids) {
  std::mt19937_64 random(11);
  for (const int g : grids) {
    CAPTURE(g);
    std::uniform_int_distribution<std::int64_t> ordinals(Grid::min_ordinal(g) + 1, Grid::max_ordinal(g));
    for (int k = 0; k < 20000; ++k) {
      // Half of them small: denormals and both zeros.
      const std::int64_t ordinal = k % 2 ? ordinals(random) : std::max(ordinals(random) % 50, Grid::min_ordinal(g) + 1);
      CAPTURE(ordinal);
      const auto word = Grid::word(ordinal, g);
      REQUIRE(Grid::ordinal(word, g) == ordinal);
      REQUIRE(Grid::round(Grid::to_double(word), g) == word);
      const double below = Grid::to_double(Grid::word(ordinal - 1, g));
      const double between = below + (Grid::to_double(word) - below) * std::uniform_real_distribution<>()(random);
      if (std::isfinite(between) && between != 0) REQUIRE(rounds_to_nearest<Grid>(between, g));
      const std::int64_t key = Grid::threshold_key(ordinal, g);
      REQUIRE(Grid::round(from_order_key(key), g) == word);
      REQUIRE(Grid::round(from_order_key(key - 1), g) == Grid::word(ordinal - 1, g));
      REQUIRE(Grid::truncated_ordinal(Grid::to_double(word), g) == ordinal);
    }
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(Grid::ordinal(Grid::round(infinity, g), g) == Grid::max_ordinal(g));
    CHECK(Grid::ordinal(Grid::round(-infinity, g), g) == Grid::min_ordinal(g));
    CHECK(Grid::round(0.0, g) == 0);
    CHECK(Grid::round(-0.0, g) == Grid::kSign);
  }
}

}  // namespace

TEST_CASE("float_grid: half precision, every number and every midpoint on every grid") {
  check_16_bit_format<DType::F16>();
}

TEST_CASE("float_grid: bfloat16, every number and every midpoint on every grid") { check_16_bit_format<DType::BF16>(); }

TEST_CASE("float_grid: single and double precision round to the nearest grid number") {
  check_wide_format<F32>({0, 1, 3, 16, 19, 22, 23});
  check_wide_format<F64>({0, 1, 3, 29, 51, 52});
}

TEST_CASE("float_grid: words become doubles exactly as dtype's conversion does") {
  bool same = true;
  for (std::uint32_t w = 0; w < 0x10000; ++w) {
    const auto word = static_cast<std::uint16_t>(w);
    const double half = widened(DType::F16, word), brain = widened(DType::BF16, word);
    if (F16::finite(word)) same = same && order_key(half) == order_key(F16::to_double(word));
    if (BF16::finite(word)) same = same && order_key(brain) == order_key(BF16::to_double(word));
    CHECK(F16::finite(word) == std::isfinite(half));
    CHECK(BF16::finite(word) == std::isfinite(brain));
  }
  CHECK(same);
}

TEST_CASE("float_grid: order_key sorts doubles, -0 just below +0") {
  const std::vector<double> sorted{-std::numeric_limits<double>::infinity(), -1, -5e-324, -0.0, 0.0, 5e-324, 1e300};
  for (std::size_t k = 0; k + 1 < sorted.size(); ++k) CHECK(order_key(sorted[k]) < order_key(sorted[k + 1]));
  CHECK(order_key(0.0) - order_key(-0.0) == 1);
  for (const double value : sorted)
    CHECK(std::bit_cast<std::uint64_t>(from_order_key(order_key(value))) == std::bit_cast<std::uint64_t>(value));
}

#if defined(__SSE2__)
TEST_CASE("float_grid: StrictFloat keeps denormals where the thread flushes them, and restores the thread's mode") {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  volatile double tiny = 5e-324;
  const double flushed = tiny * 3;
  double kept;
  {
    const StrictFloat strict;
    kept = tiny * 3;
  }
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK(flushed == 0);
  CHECK(kept == 15e-324);
  CHECK((after & 0x8040) == 0x8040);
}
#endif
