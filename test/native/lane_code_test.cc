#include "kernels/lane_code.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "exact_support.h"
#include "kernels/error.h"

using namespace herm;
using namespace herm::test;

namespace {

// Extents of levels, and the sections that they code to.
struct Code {
  std::vector<std::uint32_t> instructions, elements;
  std::size_t strips = 1;
  std::vector<std::uint64_t> sizes;
  Bytes bytes;

  LaneLevels levels() const { return {instructions, elements, strips}; }
};

// `grow`: elements appear from level to level, too.
Code random_levels(Random& random, std::size_t merges, std::size_t length, std::size_t levels, bool grow) {
  Code code;
  std::uint32_t n = 0, e = 0;
  for (std::size_t level = 1; level <= levels; ++level) {
    const bool last = level == levels;
    n += static_cast<std::uint32_t>(last ? merges - n : random() % (merges - n + 1));
    e += static_cast<std::uint32_t>(last || !grow ? length - e : random() % (length - e + 1));
    code.instructions.push_back(n);
    code.elements.push_back(e);
  }
  if (!grow) code.strips = 1 + random() % std::min<std::size_t>(3, length);
  return code;
}

void encode(Code& code, Nodes& nodes, bool only_followed = false, int threads = 1) {
  NodeLanes lanes = nodes.view();
  lanes.only_followed = only_followed;
  code.sizes.assign(code.levels().sections(), 0);
  code.bytes.clear();
  encode_lanes(Job(threads), lanes, code.levels(), nodes.element_shifts, code.bytes, code.sizes);
}

Bytes decode(const Code& code, Nodes nodes, bool only_followed = false, int threads = 1) {
  const std::size_t row = nodes.length * dtype_bytes(nodes.dtype);
  Bytes known(nodes.words.size(), 0xff);
  if (only_followed) {
    for (std::size_t node = 0; node < nodes.rows.size(); ++node) {
      const std::size_t n = (node - nodes.roots) / 2;
      const bool coded = node < nodes.roots || (node - nodes.roots) % 2 != nodes.followed[n];
      if (coded)
        std::copy_n(nodes.words.begin() + static_cast<std::ptrdiff_t>(node * row), row,
                    known.begin() + static_cast<std::ptrdiff_t>(node * row));
    }
  }
  nodes.words = std::move(known);
  NodeLanes lanes = nodes.view();
  lanes.only_followed = only_followed;
  decode_lanes(Job(threads), lanes, code.levels(), nodes.parents.size(), code.bytes, code.sizes);
  return nodes.words;
}

constexpr Data kData[] = {Data::gaussian, Data::coarse, Data::wild, Data::zeros, Data::duplicates, Data::smooth};

std::vector<std::uint16_t> random_floors(Random& random, DType dtype, std::size_t length) {
  std::vector<std::uint16_t> floors;
  for (std::size_t e = 0; e < length; ++e)
    floors.push_back(
        static_cast<std::uint16_t>(random() % 2 ? 0 : 1 + random() % static_cast<unsigned>(highest_floor(dtype))));
  return floors;
}

// Numbers of elements with floors lie on grids that begin there. False where that changes the tensor's own grid.
template <DType D>
bool to_floors(Bytes& words, std::size_t length, const std::vector<std::uint16_t>& floors) {
  using Word = typename FloatGrid<D>::Word;
  const int shift = tensor_shift(Job(), D, words.data(), words.size() / sizeof(Word));
  for (std::size_t k = 0; k < words.size() / sizeof(Word); ++k) {
    const int floor = floors[k % length];
    const double value = FloatGrid<D>::to_double(load_word<Word>(words.data(), k));
    if (floor != 0) store_word(words.data(), k, FloatGrid<D>::round(value, {shift + guard_bits(D, shift), floor}));
  }
  return tensor_shift(Job(), D, words.data(), words.size() / sizeof(Word)) == shift;
}

// One byte is another one, all are, or some are missing.
bool refuses_damage(Random& random, int k, Code& code, const Nodes& nodes) {
  switch (k % 3) {
    case 0:
      code.bytes[random() % code.bytes.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
      break;
    case 1:
      for (auto& byte : code.bytes) byte = static_cast<std::uint8_t>(random());
      break;
    default:
      code.sizes.back() -= std::min<std::uint64_t>(code.sizes.back(), 1 + random() % 4);
      code.bytes.resize(code.bytes.size() - 1);
  }
  try {
    decode(code, nodes);
  } catch (const KernelError&) {
    return true;
  }
  return false;
}

double flat_floor(const Bytes& words) {
  std::map<std::uint32_t, double> exponents;
  const auto count = static_cast<double>(words.size() / 4);
  for (std::size_t k = 0; k < words.size() / 4; ++k) ++exponents[load_word<std::uint32_t>(words.data(), k) << 1 >> 24];
  double bits = 24 * count;
  for (const auto& [exponent, times] : exponents) bits -= times * std::log2(times / count);
  return bits / 8;
}

}  // namespace

TEST_CASE("lane_code: what is decoded is what was encoded, for every format and kind of numbers") {
  for_every_format([]<DType D>() {
    Random random(1);
    for (int k = 0; k < 300; ++k) {
      CAPTURE(k);
      const std::size_t lanes = 1 + random() % 14, length = 1 + random() % 40;
      const Tree tree = random_tree(random, lanes, 1 + random() % lanes);
      Bytes words = random_words<D>(random, kData[k % 6], lanes, length);
      std::vector<std::uint16_t> floors;
      if (k % 3 == 0) {
        floors = random_floors(random, D, length);
        if (!to_floors<D>(words, length, floors)) continue;
      }
      const bool only_followed = k % 4 == 0;
      Nodes nodes = unfold(D, words, lanes, length, tree, floors, only_followed);
      Code code = random_levels(random, tree.merges(), length, 1 + random() % 4, k % 2 == 0);
      encode(code, nodes, only_followed);
      REQUIRE(decode(code, nodes, only_followed) == nodes.words);
    }
  });
}

TEST_CASE("lane_code: rows that children share with their parents hold, at any width, what lives there") {
  Random random(2);
  const Tree tree = random_tree(random, 12, 2);
  Nodes nodes = unfold(DType::F16, random_words<DType::F16>(random, Data::gaussian, 12, 30), 12, 30, tree);
  Code code = random_levels(random, 10, 30, 3, false);
  encode(code, nodes);
  for (std::uint32_t width = 2 + code.instructions[1]; width <= 12; ++width) {
    Nodes at = nodes;
    at.words.assign(width * 60, 0);
    std::fill(at.rows.begin(), at.rows.end(), 0);
    std::vector<std::uint32_t> node_at(width);
    for (std::uint32_t position = 0; position < width; ++position) {
      const std::uint32_t first = position < 2 ? position : 2 + 2 * (position - 2);
      if (position >= 2) {
        const std::uint32_t parent_row = at.rows[nodes.parents[position - 2]];
        at.rows[first] = parent_row;
        at.rows[first + 1] = position;
        node_at[parent_row] = first;
      } else {
        at.rows[first] = position;
      }
      node_at[position] = position < 2 ? first : first + 1;
    }
    NodeLanes lanes = at.view();
    lanes.row_count = width;
    decode_lanes(Job(), lanes, code.levels(), width - 2, code.bytes, code.sizes);
    for (std::uint32_t position = 0; position < width; ++position) {
      CHECK(std::equal(at.words.begin() + position * 60, at.words.begin() + (position + 1) * 60,
                       nodes.words.begin() + node_at[position] * 60));
    }
  }
}

TEST_CASE("lane_code: the bytes do not depend on the number of threads") {
  Random random(3);
  const Tree tree = random_tree(random, 40, 1);
  Nodes nodes = unfold(DType::F32, random_words<DType::F32>(random, Data::gaussian, 40, 500), 40, 500, tree);
  Code code = random_levels(random, 39, 500, 4, false), other = code;
  code.strips = other.strips = 4;
  encode(code, nodes, false, 1);
  encode(other, nodes, false, 3);
  CHECK(code.bytes == other.bytes);
  CHECK(decode(code, nodes, false, 3) == nodes.words);
}

TEST_CASE("lane_code: unrelated Gaussian neurons take what their exponents, signs and mantissas do") {
  Random random(4);
  // Pairs of pairs, as layers of equal neurons merge.
  Tree tree;
  for (std::uint32_t step = 1; step < 256; step *= 2) {
    for (std::uint32_t i = 0; i + step < 256; i += 2 * step) {
      tree.pairs.insert(tree.pairs.end(), {i, i + step});
      tree.coefficients.insert(tree.coefficients.end(), {0x39a8, 0x39a8});  // 0.707
    }
  }
  const Bytes words = random_words<DType::F32>(random, Data::gaussian, 256, 512);
  Nodes nodes = unfold(DType::F32, words, 256, 512, tree);
  Code code{{255}, {512}, 1, {}, {}};
  encode(code, nodes);
  CHECK(static_cast<double>(code.bytes.size()) < 1.01 * flat_floor(words));
}

TEST_CASE("lane_code: lanes whose numbers resemble those before them take less") {
  Random random(8);
  const std::size_t lanes = 48, length = 784;
  const Bytes words = random_words<DType::F32>(random, Data::smooth, lanes, length);
  Bytes shuffled = words;  // the same numbers, but nothing before them tells of them
  std::vector<std::size_t> order(length);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  for (std::size_t k = 0; k < lanes * length; ++k) {
    const std::size_t from = k / length * length + order[k % length];
    store_word(shuffled.data(), k, load_word<std::uint32_t>(words.data(), from));
  }
  const Tree tree = random_tree(random, lanes, 1);
  const auto coded = [&](const Bytes& of) {
    Nodes nodes = unfold(DType::F32, of, lanes, length, tree);
    Code code{{lanes - 1}, {length}, 1, {}, {}};
    encode(code, nodes);
    REQUIRE(decode(code, nodes) == nodes.words);
    return static_cast<double>(code.bytes.size());
  };
  // Half a bit a number at least.
  CHECK(coded(words) < coded(shuffled) - static_cast<double>(lanes * length) / 16);
}

TEST_CASE("lane_code: scaled copies and zeros cost next to nothing") {
  Random random(5);
  const Bytes one = random_words<DType::F32>(random, Data::gaussian, 1, 1000);
  Bytes words;
  for (int lane = 0; lane < 8; ++lane) {
    for (std::size_t e = 0; e < 1000; ++e) {
      const double x = FloatGrid<DType::F32>::to_double(load_word<std::uint32_t>(one.data(), e));
      const std::uint32_t word = lane < 6 ? FloatGrid<DType::F32>::round((1 + 0.17 * lane) * x, Grid{}) : 0;
      words.insert(words.end(), {static_cast<std::uint8_t>(word), static_cast<std::uint8_t>(word >> 8),
                                 static_cast<std::uint8_t>(word >> 16), static_cast<std::uint8_t>(word >> 24)});
    }
  }
  Tree tree;
  for (std::uint32_t j = 7; j > 0; --j) {
    tree.pairs.insert(tree.pairs.end(), {0, j});
    tree.coefficients.insert(tree.coefficients.end(), {0x3c00, 0});
  }
  Nodes nodes = unfold(DType::F32, words, 8, 1000, tree);
  Code code{{7}, {1000}, 1, {}, {}};
  encode(code, nodes);
  CHECK(decode(code, nodes) == nodes.words);
  // 32,000 bytes: one lane is coded, five are told to a few bits a number, two are zeros.
  CHECK(code.bytes.size() < 7000);
}

TEST_CASE("lane_code: damaged sections are refused or decoded, never worse") {
  Random random(6);
  int refused = 0;
  for (int k = 0; k < 2000; ++k) {
    CAPTURE(k);
    const Tree tree = random_tree(random, 6, 1);
    Nodes nodes = unfold(DType::BF16, random_words<DType::BF16>(random, kData[k % 6], 6, 12), 6, 12, tree);
    Code code = random_levels(random, 5, 12, 2, k % 2 == 0);
    encode(code, nodes);
    refused += refuses_damage(random, k, code, nodes);
  }
  CHECK(refused > 1500);
}

TEST_CASE("lane_code: large sections, which four states code, come back, and are refused where they are damaged") {
  for_every_format([]<DType D>() {
    Random random(8);
    for (int k = 0; k < 6; ++k) {
      CAPTURE(k);
      const std::size_t lanes = 20, length = 990 + random() % 10;
      const Tree tree = random_tree(random, lanes, 1 + random() % 3);
      Nodes nodes = unfold(D, random_words<D>(random, kData[k], lanes, length), lanes, length, tree);
      const Code whole = [&] {
        Code code{{static_cast<std::uint32_t>(tree.merges())}, {static_cast<std::uint32_t>(length)}, 1, {}, {}};
        encode(code, nodes);
        return code;
      }();
      REQUIRE(decode(whole, nodes) == nodes.words);
      int refused = 0;
      for (int damaged = 0; damaged < 12; ++damaged) {
        Code code = whole;
        refused += refuses_damage(random, damaged, code, nodes);
      }
      // A flipped bit of what is stored as it is only changes a number, where its parent is not checked.
      CHECK(refused >= 8);
    }
  });
}

TEST_CASE("lane_code: contradicting arguments are refused, and an aborted job stops") {
  Random random(7);
  const Tree tree = random_tree(random, 5, 1);
  Nodes nodes = unfold(DType::F32, random_words<DType::F32>(random, Data::gaussian, 5, 8), 5, 8, tree);
  Code code{{4}, {8}, 1, {}, {}};
  encode(code, nodes);
  const auto rejects = [&](auto&& change) {
    Nodes changed = nodes;
    Code other = code;
    change(changed, other);
    CHECK_THROWS(decode(other, changed));
  };
  rejects([](Nodes& n, Code&) { n.rows[3] = 99; });
  rejects([](Nodes& n, Code&) { n.parents[0] = 3; });
  rejects([](Nodes& n, Code&) { n.coefficients[2 + n.followed[1]] = 0; });
  rejects([](Nodes& n, Code&) { n.floors[0] = 300; });
  rejects([](Nodes& n, Code&) { n.gains[2] = 0; });
  rejects([](Nodes& n, Code&) { n.gains[2] = INFINITY; });
  rejects([](Nodes& n, Code&) { n.gains.pop_back(); });
  rejects([](Nodes&, Code& c) { c.instructions[0] = 5; });
  rejects([](Nodes&, Code& c) { c.elements[0] = 9; });
  rejects([](Nodes&, Code& c) { c.strips = 9; });
  rejects([](Nodes&, Code& c) { c.sizes[0] = 1; });
  const Code two_levels{{2, 4}, {8, 8}, 1, {0, 0, 0, 0}, {}}, growing{{2, 4}, {4, 8}, 1, {0, 0, 0, 0}, {}};
  CHECK_THROWS_AS(decode_lanes(Job(), nodes.view(), two_levels.levels(), 1, {}, two_levels.sizes),
                  std::invalid_argument);
  CHECK_THROWS_AS(decode_lanes(Job(), nodes.view(), growing.levels(), 3, {}, growing.sizes), std::invalid_argument);
  std::int32_t control[2] = {1, 0};
  CHECK_THROWS_AS(decode_lanes(Job(1, control), nodes.view(), code.levels(), 4, code.bytes, code.sizes), Aborted);
}
