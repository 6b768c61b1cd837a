#include "kernels/hierarchy_code.h"

#include <doctest/doctest.h>

#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "hierarchy_support.h"
#include "kernels/error.h"
#include "kernels/free_slots.h"

namespace {

using herm::DType, herm::FreeSlots;
using oracle::HierarchyArrays, oracle::HierarchyForm, oracle::Random, oracle::SideArrays;

struct Coded {
  std::vector<std::uint32_t> levels;
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint64_t> sizes;
};

Coded encode(HierarchyArrays arrays, std::vector<std::uint32_t> levels) {
  Coded coded{std::move(levels), {}, {}};
  coded.sizes.resize(coded.levels.size());
  arrays.with_view([&](const herm::Hierarchy& view) {
    herm::encode_hierarchy(herm::Job{}, view, coded.levels, coded.bytes, coded.sizes);
  });
  return coded;
}

HierarchyArrays decode(const HierarchyForm& form, const Coded& coded) {
  HierarchyArrays arrays(form, coded.levels.back());
  if (!form.gated) arrays.sides[2] = {};
  arrays.with_view([&](const herm::Hierarchy& view) {
    herm::decode_hierarchy(herm::Job{}, view, coded.levels, coded.bytes, coded.sizes);
  });
  return arrays;
}

std::vector<std::uint32_t> some_levels(Random& random, std::size_t merges) {
  std::vector<std::uint32_t> levels{0};
  while (levels.back() < merges) {
    levels.push_back(levels.back() + static_cast<std::uint32_t>(random.below(merges - levels.back() + 1)));
  }
  return levels;
}

// The first levels alone, and the arrays down to there.
Coded first_levels(const Coded& coded, std::size_t count) {
  Coded first{{coded.levels.begin(), coded.levels.begin() + static_cast<std::ptrdiff_t>(count)}, {}, {}};
  first.sizes.assign(coded.sizes.begin(), coded.sizes.begin() + static_cast<std::ptrdiff_t>(count));
  std::size_t bytes = 0;
  for (const std::uint64_t size : first.sizes) bytes += size;
  first.bytes.assign(coded.bytes.begin(), coded.bytes.begin() + static_cast<std::ptrdiff_t>(bytes));
  return first;
}

HierarchyArrays beginning(HierarchyArrays whole, std::size_t instructions) {
  const std::size_t nodes = whole.nodes(instructions);
  whole.slots.resize(nodes);
  whole.leaf.resize(nodes);
  whole.costs.resize(instructions);
  for (SideArrays& side : whole.sides) {
    if (side.floors.empty()) continue;
    side.coefficients.resize(2 * instructions);
    side.followed.resize(instructions);
    side.floors.resize(nodes);
    side.gains.resize(nodes);
  }
  for (auto& words : whole.biases) {
    if (!words.empty()) words.resize(nodes * herm::dtype_bytes(whole.form.bias_dtype));
  }
  return whole;
}

std::string code_of(const HierarchyForm& form, const Coded& coded) {
  try {
    decode(form, coded);
  } catch (const herm::KernelError& error) {
    return error.code();
  }
  return "";
}

}  // namespace

TEST_CASE("free slots: ranks are those of a list, however many slots are taken") {
  std::mt19937 random(11);
  for (const std::size_t slots : {1, 7, 4096, 4097, 20000}) {
    FreeSlots free(slots);
    std::vector<std::size_t> list(slots);
    std::iota(list.begin(), list.end(), std::size_t{0});
    for (std::size_t k = 0; !list.empty() && k < 300; ++k) {
      const std::size_t rank = random() % list.size(), slot = list[rank];
      CHECK(free.total() == list.size());
      CHECK(free.at(rank) == slot);
      CHECK(free.below(slot) == rank);
      CHECK(free.below(slots) == list.size());
      CHECK(free.free(slot));
      free.take(slot);
      CHECK(!free.free(slot));
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(rank));
    }
    CHECK(!free.free(slots));
  }
}

TEST_CASE("hierarchies: every level gives back what it was made of") {
  Random random(1);
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    for (const HierarchyForm& shape : {HierarchyForm{1, 0}, HierarchyForm{5, 0}, HierarchyForm{2, 1},
                                       HierarchyForm{40, 39}, HierarchyForm{60, 25}, HierarchyForm{700, 699}}) {
      for (const bool gated : {false, true}) {
        for (const bool biases : {false, true}) {
          const HierarchyForm form{shape.neurons, shape.merges, gated, dtype, dtype, biases};
          CAPTURE(form.neurons);
          CAPTURE(form.merges);
          const HierarchyArrays arrays = oracle::random_hierarchy(random, form);
          const Coded coded = encode(arrays, some_levels(random, form.merges));
          for (std::size_t count = 1; count <= coded.levels.size(); ++count) {
            const Coded first = first_levels(coded, count);
            CHECK(decode(form, first).same(beginning(arrays, first.levels.back())));
          }
        }
      }
    }
  }
}

TEST_CASE("hierarchies: a level that adds nothing takes no bytes") {
  Random random(2);
  const Coded coded = encode(oracle::random_hierarchy(random, {30, 20}), {0, 7, 7, 20, 20});
  CHECK(coded.sizes[1] > 0);
  CHECK(coded.sizes[2] == 0);
  CHECK(coded.sizes[4] == 0);
}

TEST_CASE("hierarchies: bytes that are no hierarchy are refused, or give some hierarchy") {
  Random random(3);
  for (const bool gated : {false, true}) {
    const HierarchyForm form{80, 70, gated, DType::F16, DType::F32, true};
    const Coded coded = encode(oracle::random_hierarchy(random, form), {0, 10, 40, 70});
    std::size_t refused = 0;
    for (std::size_t trial = 0; trial < 3000; ++trial) {
      Coded bad = coded;
      bad.bytes[random.below(bad.bytes.size())] ^= static_cast<std::uint8_t>(1 << random.below(8));
      const std::string code = code_of(form, bad);
      CHECK((code.empty() || code == "HERM_CORRUPT"));
      refused += code.empty() ? 0 : 1;
    }
    CHECK(refused > 1000);  // a bit of a number that looks random makes another number
    for (std::size_t trial = 0; trial < 300; ++trial) {
      Coded noise = coded;
      for (std::uint8_t& byte : noise.bytes) byte = static_cast<std::uint8_t>(random.below(256));
      CHECK(code_of(form, noise) == "HERM_CORRUPT");
    }
  }
}

TEST_CASE("hierarchies: a stream cut short or too long is refused") {
  Random random(4);
  const HierarchyForm form{50, 49};
  const Coded coded = encode(oracle::random_hierarchy(random, form), {0, 20, 49});
  for (std::size_t level = 0; level < 3; ++level) {
    for (std::uint64_t size = 0; size < coded.sizes[level]; ++size) {
      Coded cut = first_levels(coded, level + 1);
      cut.bytes.resize(cut.bytes.size() - (coded.sizes[level] - size));
      CHECK(code_of(form, cut) == "HERM_CORRUPT");  // shorter than its size says
      cut.sizes[level] = size;
      CHECK(code_of(form, cut) == "HERM_CORRUPT");
    }
    Coded longer = first_levels(coded, level + 1);
    longer.bytes.insert(longer.bytes.end(), 2, std::uint8_t{0});
    CHECK(code_of(form, longer) == "HERM_CORRUPT");
    longer.sizes[level] += 2;
    CHECK(code_of(form, longer) == "HERM_CORRUPT");
  }
}

TEST_CASE("hierarchies: what is no hierarchy is not encoded") {
  Random random(5);
  const HierarchyForm form{20, 15};
  const HierarchyArrays good = oracle::random_hierarchy(random, form);
  const auto refuses = [&](auto&& change) {
    HierarchyArrays bad = good;
    change(bad);
    CHECK_THROWS_AS(encode(bad, {0, 15}), std::invalid_argument);
  };
  refuses([](HierarchyArrays& a) { std::swap(a.slots[0], a.slots[1]); });
  refuses([](HierarchyArrays& a) { a.slots[6] = a.slots[5]; });
  refuses([](HierarchyArrays& a) { a.slots[6] = 20; });
  refuses([](HierarchyArrays& a) { a.costs[3] |= 1; });
  refuses([](HierarchyArrays& a) { a.sides[0].coefficients[4] = 0x7c00; });
  refuses([](HierarchyArrays& a) { a.sides[1].coefficients[4] = a.sides[1].coefficients[5] = 0; });
  refuses([](HierarchyArrays& a) {
    a.sides[0].floors[0] = 255;
    a.leaf[0] = 0;
  });
  refuses([](HierarchyArrays& a) { a.leaf[33] = a.leaf[34] = 0; });
  // Of a leaf, of a mixture, and of a lane that is split into a mixture's children.
  refuses([](HierarchyArrays& a) { a.sides[1].gains[34] = 2; });
  refuses([](HierarchyArrays& a) { std::fill(a.sides[1].gains.begin(), a.sides[1].gains.end(), 0.0F); });
  refuses([](HierarchyArrays& a) { std::fill(a.sides[0].gains.begin(), a.sides[0].gains.end(), 1.5F); });
  CHECK_THROWS_AS(encode(good, {0, 9, 8, 15}), std::invalid_argument);
  CHECK_THROWS_AS(encode(good, {1, 15}), std::invalid_argument);
}

TEST_CASE("hierarchies: biases must be finite") {
  Random random(6);
  HierarchyArrays arrays = oracle::random_hierarchy(random, {20, 15});
  for (const std::uint8_t low : {0, 1}) {
    std::uint8_t* const word = arrays.biases[0].data();
    word[0] = low;
    word[1] = 0;
    word[2] = 0x80;
    word[3] = 0x7f;
    try {
      encode(arrays, {0, 15});
      FAIL("an infinity or NaN was encoded");
    } catch (const herm::KernelError& error) {
      CHECK(std::string(error.code()) == "NON_FINITE");
    }
  }
}
