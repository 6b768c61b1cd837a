#include "kernels/exact_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "exact_support.h"
#include "kernels/error.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace herm;
using namespace herm::test;

namespace {

constexpr Data kAllData[] = {Data::gaussian, Data::coarse, Data::wild, Data::zeros, Data::duplicates};

// Slots alive after the first `merges` merges.
std::vector<std::size_t> living(const Tree& tree, std::size_t neurons, std::size_t merges) {
  std::vector<bool> alive(neurons, true);
  for (std::size_t t = 0; t < merges; ++t) alive[tree.pairs[2 * t + 1]] = false;
  std::vector<std::size_t> slots;
  for (std::size_t s = 0; s < neurons; ++s) {
    if (alive[s]) slots.push_back(s);
  }
  return slots;
}

Bytes lane(const Coded& coded, std::size_t slot) {
  const std::size_t bytes = coded.length * dtype_bytes(coded.dtype);
  const auto begin = coded.words.begin() + static_cast<std::ptrdiff_t>(slot * bytes);
  return {begin, begin + static_cast<std::ptrdiff_t>(bytes)};
}

bool same_lanes(const Coded& a, const Coded& b, const std::vector<std::size_t>& slots) {
  return std::all_of(slots.begin(), slots.end(),
                     [&](std::size_t s) { return lane(a, s) == lane(b, s) && a.coarse[s] == b.coarse[s]; });
}

void check_corrupt(Coded coded, const Tree& tree) {
  try {
    inverse(coded, tree, 0, tree.merges());
    FAIL("decoded what no encoder wrote");
  } catch (const KernelError& error) {
    CHECK(std::string(error.code()) == "HERM_CORRUPT");
  }
}

Tree one_merge(std::uint16_t a_i, std::uint16_t a_j) { return {{0, 1}, {a_i, a_j}}; }

}  // namespace

TEST_CASE("exact_tree: undoing all merges gives back every bit, for every format and kind of data") {
  Random random(1);
  for_every_format([&]<DType D>() {
    for (const Data data : kAllData) {
      for (const std::size_t m : {1u, 2u, 3u, 40u}) {
        CAPTURE(static_cast<int>(D));
        CAPTURE(static_cast<int>(data));
        CAPTURE(m);
        const Tree tree = random_tree(random, m, 1);
        const Coded original = leaves(D, random_words<D>(random, data, m, 70), m, 70);
        Coded coded = original;
        forward(coded, tree);
        inverse(coded, tree, 0, tree.merges());
        CHECK(coded.words == original.words);
        CHECK(coded.coarse == original.coarse);
      }
    }
  });
}

TEST_CASE("exact_tree: a layer of 300 neurons, down to a few roots, bfloat16 values stored in single precision") {
  Random random(2);
  Bytes words = random_words<DType::F32>(random, Data::wild, 300, 100);
  for (std::size_t k = 0; k < 300 * 100; ++k) {
    store_word(words.data(), k, load_word<std::uint32_t>(words.data(), k) & 0xffff0000u);
  }
  const Tree tree = random_tree(random, 300, 7);
  const Coded original = leaves(DType::F32, words, 300, 100);
  CHECK(original.shift == 16);
  Coded coded = original;
  forward(coded, tree, 2);
  bool on_grid = true;
  for (std::size_t k = 0; k < 300 * 100; ++k)
    on_grid = on_grid && load_word<std::uint32_t>(coded.words.data(), k) % 0x10000 == 0;
  CHECK(on_grid);
  inverse(coded, tree, 0, tree.merges(), 2);
  CHECK(coded.words == original.words);
}

TEST_CASE("exact_tree: stopping early gives the lanes of the plain merges, and the rest can be undone later") {
  Random random(3);
  for_every_format([&]<DType D>() {
    CAPTURE(static_cast<int>(D));
    const std::size_t m = 30;
    const Tree tree = random_tree(random, m, 1);
    const Coded original = leaves(D, random_words<D>(random, Data::wild, m, 90), m, 90);
    Coded coded = original, merged = original;
    forward(coded, tree);
    std::size_t from = tree.merges();
    for (const std::size_t stop : {m - 1, m - 2, m / 2, std::size_t{1}, std::size_t{0}}) {
      CAPTURE(stop);
      inverse(coded, tree, stop, from);
      from = stop;
      merged = original;
      merge_lanes(Job(), merged.view(), tree.view(), 0, stop / 2);
      merge_lanes(Job(), merged.view(), tree.view(), stop / 2, stop);
      CHECK(same_lanes(coded, merged, living(tree, m, stop)));
    }
    CHECK(coded.words == original.words);
  });
}

TEST_CASE("exact_tree: a prefix needs the coarse merges alone") {
  Random random(4);
  const std::size_t m = 20, known = 6;
  const Tree tree = random_tree(random, m, 2);
  Coded coded = leaves(DType::F32, random_words<DType::F32>(random, Data::gaussian, m, 33), m, 33);
  Coded merged = coded;
  forward(coded, tree);
  const std::size_t first = tree.merges() - known;
  merge_lanes(Job(), merged.view(), tree.view(), 0, first);

  const Tree coarse{{tree.pairs.end() - 2 * known, tree.pairs.end()},
                    {tree.coefficients.end() - 2 * known, tree.coefficients.end()}};
  coded.flags.erase(coded.flags.begin(), coded.flags.end() - known);
  coded.indexes.erase(coded.indexes.begin(), coded.indexes.end() - known * 33 * 4);
  inverse(coded, coarse, 0, known);
  CHECK(same_lanes(coded, merged, living(tree, m, first)));
}

TEST_CASE("exact_tree: the bits do not depend on the number of threads") {
  Random random(5);
  const std::size_t m = 25, length = 700;
  const Tree tree = random_tree(random, m, 1);
  const Bytes words = random_words<DType::F32>(random, Data::gaussian, m, length);
  Coded once = leaves(DType::F32, words, m, length);
  forward(once, tree);
  for (const int threads : {2, 5}) {
    Coded coded = leaves(DType::F32, words, m, length);
    forward(coded, tree, threads);
    CHECK(coded.words == once.words);
    CHECK(coded.flags == once.flags);
    CHECK(coded.indexes == once.indexes);
    inverse(coded, tree, 0, tree.merges(), threads);
    CHECK(coded.words == words);
  }
}

#if defined(__SSE2__)
TEST_CASE("exact_tree: denormals survive where the calling thread, and so its helpers, flush them") {
  Random random(6);
  const std::size_t m = 12, length = 300;
  const Tree tree = random_tree(random, m, 1);
  Bytes words = random_words<DType::F32>(random, Data::wild, m, length);
  for (std::size_t k = 0; k < m * length; ++k) {
    store_word(words.data(), k, load_word<std::uint32_t>(words.data(), k) & 0x80ffffffu);
  }
  Coded plain = leaves(DType::F32, words, m, length), flushed = plain;
  forward(plain, tree);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  forward(flushed, tree, 3);
  const bool same = flushed.words == plain.words && flushed.indexes == plain.indexes && flushed.flags == plain.flags;
  inverse(flushed, tree, 0, tree.merges(), 3);
  _mm_setcsr(before);
  CHECK(same);
  CHECK(flushed.words == words);
}
#endif

TEST_CASE("exact_tree: absorbing keeps the absorbing child's bits and costs no index") {
  Random random(7);
  for (const bool second : {false, true}) {
    const Tree tree = second ? one_merge(0, 0x3c00) : one_merge(0x3c00, 0x8000);
    const Coded original = leaves(DType::F32, random_words<DType::F32>(random, Data::wild, 2, 50), 2, 50);
    Coded coded = original;
    forward(coded, tree);
    CHECK(lane(coded, 0) == lane(original, second ? 1 : 0));
    CHECK(lane(coded, 1) == lane(original, second ? 0 : 1));
    CHECK(std::all_of(coded.indexes.begin(), coded.indexes.end(), [](std::uint8_t byte) { return byte == 0; }));
    CHECK(coded.flags[0] == (kAbsorbed | (second ? kFollowedIsJ : 0)));
    CHECK(coded.coarse[0] == 0);
  }
}

TEST_CASE("exact_tree: the followed child is the heavier one and never has a zero coefficient") {
  const auto followed_is_j = [](float x_i, float x_j, std::uint16_t a_i, std::uint16_t a_j) {
    Bytes words(2 * 5 * 4);
    for (std::size_t e = 0; e < 5; ++e) {
      store_word(words.data(), e, std::bit_cast<std::uint32_t>(x_i));
      store_word(words.data(), 5 + e, std::bit_cast<std::uint32_t>(x_j));
    }
    Coded coded = leaves(DType::F32, words, 2, 5);
    forward(coded, one_merge(a_i, a_j));
    return (coded.flags[0] & kFollowedIsJ) != 0;
  };
  constexpr std::uint16_t one = 0x3c00, two = 0x4000, minus_two = 0xc000;
  CHECK(followed_is_j(1.0f, 1.5f, one, one));
  CHECK_FALSE(followed_is_j(1.0f, 1.5f, two, one));
  CHECK_FALSE(followed_is_j(1.0f, 1.5f, minus_two, one));
  CHECK_FALSE(followed_is_j(1.0f, 1.0f, one, one));
  CHECK(followed_is_j(1e30f, 0.0f, 0, two));
  CHECK_FALSE(followed_is_j(0.0f, 1e30f, two, 0));
}

TEST_CASE("exact_tree: parents lie on the coarse grid, the indexes of likely children are small") {
  Random random(8);
  const std::size_t length = 4000;
  Coded coded = leaves(DType::F32, random_words<DType::F32>(random, Data::gaussian, 2, length), 2, length);
  forward(coded, one_merge(0x3800, 0x3800));
  std::size_t within_byte = 0;
  bool on_grid = true;
  for (std::size_t e = 0; e < length; ++e) {
    on_grid = on_grid && FloatGrid<DType::F32>::on_grid(load_word<std::uint32_t>(coded.words.data(), e), 3);
    within_byte += load_word<std::uint32_t>(coded.indexes.data(), e) < 256;
  }
  CHECK(on_grid);
  CHECK(coded.coarse == Bytes{1, 0});
  CHECK(within_byte > length * 9 / 10);
}

TEST_CASE("exact_tree: shift and guard bits") {
  const std::uint32_t bf16[] = {0x3f800000, 0x80000000, 0xbf810000};
  const std::uint32_t zeros[] = {0, 0x80000000};
  const std::uint32_t powers[] = {0x40000000, 0};
  const auto shift = [](std::span<const std::uint32_t> words) {
    return tensor_shift(Job(), DType::F32, reinterpret_cast<const std::uint8_t*>(words.data()), words.size());
  };
  CHECK(shift(bf16) == 16);
  CHECK(shift(zeros) == 0);
  CHECK(shift(powers) == 23);
  for (const std::uint32_t bad : {0x7f800000u, 0xff800000u, 0x7fc00000u}) {
    try {
      shift({&bad, 1});
      FAIL("accepted what is not finite");
    } catch (const KernelError& error) {
      CHECK(std::string(error.code()) == "NON_FINITE");
    }
  }
  CHECK(guard_bits(DType::F64, 0) == 3);
  CHECK(guard_bits(DType::F32, 0) == 3);
  CHECK(guard_bits(DType::F16, 0) == 2);
  CHECK(guard_bits(DType::BF16, 0) == 1);
  CHECK(guard_bits(DType::F32, 16) == 1);
  CHECK(guard_bits(DType::F32, 22) == 0);
  CHECK(guard_bits(DType::F32, 23) == 0);
}

TEST_CASE("exact_tree: elements without indexes get the nearest child, the others stay exact") {
  Random random(9);
  const std::size_t m = 10, length = 64;
  const Tree tree = random_tree(random, m, 1);
  const Coded original = leaves(DType::F32, random_words<DType::F32>(random, Data::gaussian, m, length), m, length);
  Coded coded = original;
  forward(coded, tree);
  Bytes present(length);
  for (std::size_t e = 0; e < length; ++e) {
    present[e] = e % 3 != 0;
    if (present[e]) continue;
    for (std::size_t t = 0; t < tree.merges(); ++t) store_word(coded.indexes.data(), t * length + e, 0xffffffffu);
  }
  inverse(coded, tree, 0, tree.merges(), 2, present);
  bool exact = true;
  for (std::size_t k = 0; k < m * length; ++k) {
    const auto word = load_word<std::uint32_t>(coded.words.data(), k);
    REQUIRE(FloatGrid<DType::F32>::finite(word));
    if (present[k % length]) exact = exact && word == load_word<std::uint32_t>(original.words.data(), k);
  }
  CHECK(exact);

  // One merge: parent and coded child tell the followed one up to the parent's rounding.
  Coded pair = leaves(DType::F32, random_words<DType::F32>(random, Data::gaussian, 2, length), 2, length);
  const Coded two = pair;
  const Tree merge = one_merge(0x3c00, 0x3800);
  forward(pair, merge);
  const Bytes none(length, 0);
  inverse(pair, merge, 0, 1, 1, none);
  for (std::size_t e = 0; e < length; ++e) {
    const auto before = std::bit_cast<float>(load_word<std::uint32_t>(two.words.data(), e));
    const auto after = std::bit_cast<float>(load_word<std::uint32_t>(pair.words.data(), e));
    CHECK(std::fabs(before - after) <= 2e-6f * 0.3f);
  }
  CHECK(lane(pair, 1) == lane(two, 1));
}

TEST_CASE("exact_tree: what no encoder wrote is HERM_CORRUPT") {
  Random random(10);
  const std::size_t length = 40;
  const Tree tree = one_merge(0x3800, 0xb400);
  Coded good = leaves(DType::F32, random_words<DType::F32>(random, Data::gaussian, 2, length), 2, length);
  forward(good, tree);

  SUBCASE("index beyond the interval") {
    for (const std::uint32_t index : {0x10000000u, 0xffffffffu, 0x80000000u}) {
      Coded bad = good;
      store_word(bad.indexes.data(), 39, index);
      check_corrupt(bad, tree);
    }
  }
  SUBCASE("parent between the numbers of its grid") {
    good.words[0] |= 1;
    check_corrupt(good, tree);
  }
  SUBCASE("not a number") {
    store_word(good.words.data(), length + 3, 0x7fc00000u);
    check_corrupt(good, tree);
  }
  SUBCASE("parent out of the children's reach") {
    store_word(good.words.data(), 0, 0x7f000000u);
    Tree tiny = tree;
    tiny.coefficients = {0x0001, 0x0001};
    check_corrupt(good, tiny);
  }
  SUBCASE("flags") {
    for (const int bit : {int{kAbsorbed}, int{kFollowedCoarse}, 16, 128}) {
      Coded bad = good;
      bad.flags[0] = static_cast<std::uint8_t>(bad.flags[0] ^ bit);
      if (bit == kFollowedCoarse) bad.coarse[0] = 0;
      check_corrupt(bad, tree);
    }
  }
  SUBCASE("index of an absorbing merge") {
    const Tree absorbing = one_merge(0x3c00, 0);
    Coded bad = leaves(DType::F32, random_words<DType::F32>(random, Data::gaussian, 2, length), 2, length);
    forward(bad, absorbing);
    bad.indexes[5] = 1;
    check_corrupt(bad, absorbing);
  }
  SUBCASE("following a child with coefficient 0") {
    Coded bad = good;
    bad.flags[0] = kFollowedIsJ;
    check_corrupt(bad, one_merge(0x3800, 0));
  }
  SUBCASE("coefficients") {
    for (const std::uint16_t half : {0x7c00, 0x7e00, 0xfc00}) check_corrupt(good, one_merge(0x3800, half));
    check_corrupt(good, one_merge(0, 0x8000));
  }
  SUBCASE("slots") {
    check_corrupt(good, {{1, 0}, {0x3800, 0xb400}});
    check_corrupt(good, {{1, 1}, {0x3800, 0xb400}});
    check_corrupt(good, {{0, 2}, {0x3800, 0xb400}});
  }
}

TEST_CASE("exact_tree: random garbage is refused or decoded, never worse") {
  Random random(11);
  for_every_format([&]<DType D>() {
    std::size_t refused = 0;
    for (int k = 0; k < 60; ++k) {
      const Tree tree = random_tree(random, 6, 1);
      Coded coded = leaves(D, random_words<D>(random, Data::wild, 6, 16), 6, 16);
      forward(coded, tree);
      for (int hits = 0; hits < 3; ++hits) {
        Bytes& target = k % 3 == 0 ? coded.words : k % 3 == 1 ? coded.indexes : coded.flags;
        target[random() % target.size()] = static_cast<std::uint8_t>(random());
      }
      try {
        inverse(coded, tree, 0, tree.merges());
      } catch (const KernelError&) {
        ++refused;
      }
    }
    CHECK(refused > 0);
  });
}

TEST_CASE("exact_tree: an aborted job stops") {
  std::int32_t control[2] = {1, 0};
  Random random(12);
  const Tree tree = random_tree(random, 4, 1);
  Coded coded = leaves(DType::F32, random_words<DType::F32>(random, Data::gaussian, 4, 10), 4, 10);
  CHECK_THROWS_AS(merge_lanes(Job(1, control), coded.view(), tree.view(), 0, 3), Aborted);
}
