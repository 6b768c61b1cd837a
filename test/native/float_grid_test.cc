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

// All finite numbers of a 16-bit format on a grid, in the order of their ordinals: multiples of the step below the
// floor, and above it words without low bits, by their values alone.
template <DType D>
std::vector<std::uint16_t> sorted_words(Grid grid) {
  const double floor = std::ldexp(1.0, grid.floor - FloatGrid<D>::kBias);
  const double step = std::ldexp(floor, grid.bits - FloatGrid<D>::kMantissa);
  std::vector<std::uint16_t> words;
  for (std::uint32_t w = 0; w < 0x10000; ++w) {
    const auto word = static_cast<std::uint16_t>(w);
    const double value = widened(D, word);
    if (!std::isfinite(value)) continue;
    if (std::fabs(value) < floor ? std::fmod(value, step) == 0 : w % (1u << grid.bits) == 0) words.push_back(word);
  }
  std::sort(words.begin(), words.end(), [](std::uint16_t a, std::uint16_t b) {
    const double x = widened(D, a), y = widened(D, b);
    return x != y ? x < y : std::signbit(x) && !std::signbit(y);
  });
  return words;
}

// Nearest by search; a tie goes to the one that is an even number of places from zero; ±0 as the sign of the value
// says.
template <class Format>
std::uint16_t nearest_by_search(const std::vector<std::uint16_t>& words, double value) {
  const auto above =
      std::partition_point(words.begin(), words.end(), [&](std::uint16_t w) { return Format::to_double(w) < value; });
  const auto even = [&](std::ptrdiff_t place) {
    const auto half = static_cast<std::ptrdiff_t>(words.size() / 2);  // place of +0
    return (place >= half ? place - half : half - 1 - place) % 2 == 0;
  };
  std::uint16_t best = above == words.end() ? words.back() : *above;
  if (above != words.begin() && above != words.end()) {
    const std::uint16_t below = *(above - 1);
    const double up = Format::to_double(best) - value, down = value - Format::to_double(below);
    if (down < up || (down == up && even(above - 1 - words.begin()))) best = below;
  }
  if (Format::to_double(best) == 0) best = std::signbit(value) ? 0x8000 : 0;
  return best;
}

template <DType D>
void check_16_bit_grid(Grid grid, std::mt19937_64& random) {
  using Format = FloatGrid<D>;
  CAPTURE(grid.bits);
  CAPTURE(grid.floor);
  const auto words = sorted_words<D>(grid);
  REQUIRE(Format::ordinal(words.front(), grid) == Format::min_ordinal(grid));
  REQUIRE(Format::ordinal(words.back(), grid) == Format::max_ordinal(grid));
  bool same = true;
  for (std::size_t k = 0; k < words.size(); ++k) {
    const std::int64_t ordinal = Format::min_ordinal(grid) + static_cast<std::int64_t>(k);
    same = same && Format::ordinal(words[k], grid) == ordinal && Format::word(ordinal, grid) == words[k];
  }
  CHECK(same);

  bool rounds = true, thresholds = true;
  const auto check = [&](double value) {
    rounds = rounds && Format::round(value, grid) == nearest_by_search<Format>(words, value);
  };
  for (std::size_t k = 0; k + 1 < words.size(); ++k) {
    const double x = Format::to_double(words[k]), y = Format::to_double(words[k + 1]), middle = (x + y) / 2;
    for (const double value : {x, middle, std::nextafter(middle, x), std::nextafter(middle, y)}) check(value);
    const std::int64_t ordinal = Format::ordinal(words[k + 1], grid), key = Format::threshold_key(ordinal, grid);
    thresholds = thresholds && Format::round(from_order_key(key), grid) == words[k + 1] &&
                 Format::round(from_order_key(key - 1), grid) == words[k];
  }
  for (int k = 0; k < 2000; ++k) {
    const double value = std::bit_cast<double>(random());
    if (!std::isnan(value)) check(value);
  }
  CHECK(rounds);
  CHECK(thresholds);
}

template <DType D>
void check_16_bit_format() {
  using Format = FloatGrid<D>;
  std::mt19937_64 random(7);
  for (int bits = 0; bits <= Format::kMantissa; ++bits) {
    for (const int floor : {1, 2, Format::kBias - 3, Format::kMaxFloor}) check_16_bit_grid<D>({bits, floor}, random);
  }
}

// Rounding of a wide format against its two neighbours, in long double (64-bit mantissa: the differences are exact).
template <class Format>
bool rounds_to_nearest(double value, Grid grid) {
  const auto word = Format::round(value, grid);
  const std::int64_t ordinal = Format::ordinal(word, grid);
  const auto error = [&](std::int64_t o) {
    return std::fabs(static_cast<long double>(Format::to_double(Format::word(o, grid))) -
                     static_cast<long double>(value));
  };
  const auto odd = [](std::int64_t o) { return ((o < 0 ? ~o : o) & 1) != 0; };
  for (const std::int64_t other : {ordinal - 1, ordinal + 1}) {
    if (other < Format::min_ordinal(grid) || other > Format::max_ordinal(grid)) continue;
    if (Format::to_double(Format::word(other, grid)) == 0 && Format::to_double(word) == 0) continue;
    if (error(other) < error(ordinal) || (error(other) == error(ordinal) && odd(ordinal))) return false;
  }
  return std::signbit(Format::to_double(word)) == std::signbit(value);
}

template <class Format>
void check_wide_format(std::initializer_list<Grid> grids) {
  std::mt19937_64 random(11);
  for (const Grid grid : grids) {
    CAPTURE(grid.bits);
    CAPTURE(grid.floor);
    std::uniform_int_distribution<std::int64_t> ordinals(Format::min_ordinal(grid) + 1, Format::max_ordinal(grid));
    for (int k = 0; k < 20000; ++k) {
      // Half of them small: denormals and both zeros.
      const std::int64_t ordinal =
          k % 2 ? ordinals(random) : std::max(ordinals(random) % 50, Format::min_ordinal(grid) + 1);
      CAPTURE(ordinal);
      const auto word = Format::word(ordinal, grid);
      REQUIRE(Format::ordinal(word, grid) == ordinal);
      REQUIRE(Format::round(Format::to_double(word), grid) == word);
      const double below = Format::to_double(Format::word(ordinal - 1, grid));
      const double between = below + (Format::to_double(word) - below) * std::uniform_real_distribution<>()(random);
      if (std::isfinite(between) && between != 0) REQUIRE(rounds_to_nearest<Format>(between, grid));
      const std::int64_t key = Format::threshold_key(ordinal, grid);
      REQUIRE(Format::round(from_order_key(key), grid) == word);
      REQUIRE(Format::round(from_order_key(key - 1), grid) == Format::word(ordinal - 1, grid));
      REQUIRE(Format::truncated_ordinal(Format::to_double(word), grid) == ordinal);
    }
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(Format::ordinal(Format::round(infinity, grid), grid) == Format::max_ordinal(grid));
    CHECK(Format::ordinal(Format::round(-infinity, grid), grid) == Format::min_ordinal(grid));
    CHECK(Format::round(0.0, grid) == 0);
    CHECK(Format::round(-0.0, grid) == Format::kSign);
  }
}

}  // namespace

TEST_CASE("float_grid: half precision, every number and every midpoint on every grid") {
  check_16_bit_format<DType::F16>();
}

TEST_CASE("float_grid: bfloat16, every number and every midpoint on every grid") { check_16_bit_format<DType::BF16>(); }

TEST_CASE("float_grid: single and double precision round to the nearest grid number") {
  check_wide_format<F32>({{0, 1}, {1, 1}, {3, 1}, {3, 120}, {16, 1}, {19, 130}, {22, 1}, {23, 1}, {23, 101}, {3, 254}});
  check_wide_format<F64>({{0, 1}, {1, 1}, {3, 1}, {3, 1020}, {29, 1}, {51, 1}, {52, 1}, {52, 1001}, {3, 2046}});
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
