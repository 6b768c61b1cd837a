#include "kernels/hierarchy_code.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/error.h"
#include "kernels/exact_tree.h"
#include "kernels/half.h"

namespace {

using herm::DType;

struct Form {
  std::size_t neurons, merges;
  bool gated = false;
  DType weights = DType::F32;
  DType bias_dtype = DType::F32;
  bool biases = true;
};

struct SideArrays {
  std::vector<std::uint16_t> coefficients, floors;
  std::vector<std::uint8_t> followed;

  bool operator==(const SideArrays&) const = default;
};

struct Arrays {
  Form form;
  std::vector<std::uint32_t> slots;
  std::vector<std::uint8_t> leaf;
  std::vector<std::uint32_t> costs;  // bits of f32
  std::vector<SideArrays> sides;     // input, output, gate
  std::vector<std::vector<std::uint8_t>> biases;

  Arrays(const Form& a_form, std::size_t instructions)
      : form(a_form), slots(nodes(instructions)), leaf(slots.size()), costs(instructions) {
    const SideArrays side{std::vector<std::uint16_t>(2 * instructions), std::vector<std::uint16_t>(slots.size()),
                          std::vector<std::uint8_t>(instructions)};
    sides.assign(3, side);
    const std::size_t bytes = form.biases ? slots.size() * herm::dtype_bytes(form.bias_dtype) : 0;
    biases = {std::vector<std::uint8_t>(bytes), std::vector<std::uint8_t>(form.gated ? bytes : 0)};
  }

  std::size_t roots() const { return form.neurons - form.merges; }
  std::size_t nodes(std::size_t instructions) const { return roots() + 2 * instructions; }

  // Costs are floats in the kernel's eyes.
  template <class Fn>
  void with_view(Fn&& fn) {
    std::vector<float> floats(costs.size());
    for (std::size_t n = 0; n < costs.size(); ++n) floats[n] = std::bit_cast<float>(costs[n]);
    herm::Hierarchy view;
    view.neurons = form.neurons;
    view.roots = roots();
    view.slots = slots;
    view.leaf = leaf;
    view.costs = floats;
    herm::HierarchySide* const targets[] = {&view.input, &view.output, &view.gate};
    for (std::size_t s = 0; s < 3; ++s) {
      *targets[s] = {form.weights, sides[s].coefficients, sides[s].followed, sides[s].floors};
    }
    view.gated = form.gated;
    view.biases = {form.bias_dtype, biases[0]};
    view.gate_biases = {form.bias_dtype, biases[1]};
    fn(view);
    for (std::size_t n = 0; n < costs.size(); ++n) costs[n] = std::bit_cast<std::uint32_t>(floats[n]);
  }

  bool same(const Arrays& other) const {
    return slots == other.slots && leaf == other.leaf && costs == other.costs && sides == other.sides &&
           biases == other.biases;
  }
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine_); }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::mt19937 engine_;
};

void put_bias(Random& random, Arrays& arrays, std::size_t which, std::size_t node, std::size_t parent) {
  std::vector<std::uint8_t>& words = arrays.biases[which];
  if (words.empty()) return;
  const std::size_t bytes = herm::dtype_bytes(arrays.form.bias_dtype);
  const auto at = words.begin() + static_cast<std::ptrdiff_t>(node * bytes);
  if (parent != node && random.one_in(2)) {
    std::copy_n(words.begin() + static_cast<std::ptrdiff_t>(parent * bytes), bytes, at);
    return;
  }
  for (std::size_t k = 0; k < bytes; ++k)
    at[static_cast<std::ptrdiff_t>(k)] = static_cast<std::uint8_t>(random.below(256));
  // Finite: no exponent of ones alone. Zeros of either sign and denormals, too.
  std::uint8_t& top = at[static_cast<std::ptrdiff_t>(bytes - 1)];
  top &= random.one_in(5) ? 0x80 : 0xbb;
  if (random.one_in(8)) std::fill_n(at, bytes - 1, std::uint8_t{0});
  if (arrays.leaf[node] == 0 && random.one_in(2)) std::fill_n(at, bytes / 2, std::uint8_t{0});
}

std::uint16_t coefficient(Random& random) {
  if (random.one_in(20)) return static_cast<std::uint16_t>(random.below(0x7c00) | (random.one_in(2) ? 0x8000 : 0));
  return static_cast<std::uint16_t>(0x3400 + random.below(0x800));
}

void put_floor(Random& random, Arrays& arrays, std::size_t s, std::size_t node) {
  const auto highest = static_cast<std::size_t>(herm::highest_floor(arrays.form.weights));
  std::uint16_t& floor = arrays.sides[s].floors[node];
  floor = 0;
  if (arrays.leaf[node] != 0 || random.one_in(10)) return;
  floor = static_cast<std::uint16_t>(random.one_in(10) ? 1 + random.below(highest) : highest / 2 + random.below(3));
}

void put_side(Random& random, Arrays& arrays, std::size_t s, std::size_t n, std::size_t parent) {
  SideArrays& side = arrays.sides[s];
  const std::size_t first = arrays.roots() + 2 * n;
  std::uint16_t* const a = &side.coefficients[2 * n];
  for (const std::size_t child : {0, 1}) {
    a[child] = coefficient(random);
    put_floor(random, arrays, s, first + child);
  }
  side.followed[n] = static_cast<std::uint8_t>(random.below(2));
  if (!random.one_in(4)) {
    if ((a[0] & 0x7fff) == 0) a[0] = 0x3800;
    if ((a[1] & 0x7fff) == 0) a[1] = 0x3800;
    return;
  }
  const std::size_t kept = random.below(2);
  side.followed[n] = static_cast<std::uint8_t>(kept);
  a[1 - kept] = 0;
  // An original neuron cannot absorb into one that has a floor.
  const bool absorbs = arrays.leaf[first + kept] == 0 || side.floors[parent] == 0;
  if (absorbs || (a[kept] & 0x7fff) == 0) a[kept] = absorbs ? 0x3c00 : 0x3800;
  if (a[kept] == 0x3c00 && !absorbs) a[kept] = 0x3800;
  if (absorbs) side.floors[first + kept] = side.floors[parent];
}

// Any hierarchy: merges joins random living slots.
Arrays random_hierarchy(Random& random, const Form& form) {
  Arrays arrays(form, form.merges);
  std::vector<std::size_t> living(form.neurons);  // slots
  for (std::size_t slot = 0; slot < form.neurons; ++slot) living[slot] = slot;
  std::vector<std::uint8_t> merged(form.neurons);
  for (std::size_t n = form.merges; n-- > 0;) {
    std::size_t i = random.below(living.size()), j = random.below(living.size() - 1);
    if (j >= i) ++j;
    if (i > j) std::swap(i, j);
    const std::size_t first = arrays.roots() + 2 * n;
    arrays.slots[first] = static_cast<std::uint32_t>(living[i]);
    arrays.slots[first + 1] = static_cast<std::uint32_t>(living[j]);
    arrays.leaf[first] = merged[living[i]] == 0;
    arrays.leaf[first + 1] = merged[living[j]] == 0;
    merged[living[i]] = 1;
    living.erase(living.begin() + static_cast<std::ptrdiff_t>(j));
  }
  std::vector<std::size_t> node(form.neurons);
  for (std::size_t root = 0; root < living.size(); ++root) {
    arrays.slots[root] = static_cast<std::uint32_t>(living[root]);
    arrays.leaf[root] = merged[living[root]] == 0;
    node[living[root]] = root;
    for (std::size_t s = 0; s < 3; ++s) put_floor(random, arrays, s, root);
    for (const std::size_t which : {0, 1}) put_bias(random, arrays, which, root, root);
  }
  for (std::size_t n = 0; n < form.merges; ++n) {
    const std::size_t first = arrays.roots() + 2 * n, parent = node[arrays.slots[first]];
    for (std::size_t s = 0; s < 3; ++s) put_side(random, arrays, s, n, parent);
    for (const std::size_t child : {0, 1}) {
      node[arrays.slots[first + child]] = first + child;
      for (const std::size_t which : {0, 1}) put_bias(random, arrays, which, first + child, parent);
    }
    arrays.costs[n] = static_cast<std::uint32_t>(random.one_in(9) ? random.below(0x10000) : 0x3000 + random.below(40))
                      << 16;
  }
  if (!form.gated) arrays.sides[2] = {};
  return arrays;
}

struct Coded {
  std::vector<std::uint32_t> levels;
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint64_t> sizes;
};

Coded encode(Arrays arrays, std::vector<std::uint32_t> levels) {
  Coded coded{std::move(levels), {}, {}};
  coded.sizes.resize(coded.levels.size());
  arrays.with_view([&](const herm::Hierarchy& view) {
    herm::encode_hierarchy(herm::Job{}, view, coded.levels, coded.bytes, coded.sizes);
  });
  return coded;
}

Arrays decode(const Form& form, const Coded& coded) {
  Arrays arrays(form, coded.levels.back());
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

Arrays beginning(Arrays whole, std::size_t instructions) {
  const std::size_t nodes = whole.nodes(instructions);
  whole.slots.resize(nodes);
  whole.leaf.resize(nodes);
  whole.costs.resize(instructions);
  for (SideArrays& side : whole.sides) {
    if (side.floors.empty()) continue;
    side.coefficients.resize(2 * instructions);
    side.followed.resize(instructions);
    side.floors.resize(nodes);
  }
  for (auto& words : whole.biases) {
    if (!words.empty()) words.resize(nodes * herm::dtype_bytes(whole.form.bias_dtype));
  }
  return whole;
}

std::string code_of(const Form& form, const Coded& coded) {
  try {
    decode(form, coded);
  } catch (const herm::KernelError& error) {
    return error.code();
  }
  return "";
}

}  // namespace

TEST_CASE("hierarchies: every level gives back what it was made of") {
  Random random(1);
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    for (const Form& shape : {Form{1, 0}, Form{5, 0}, Form{2, 1}, Form{40, 39}, Form{60, 25}, Form{700, 699}}) {
      for (const bool gated : {false, true}) {
        for (const bool biases : {false, true}) {
          const Form form{shape.neurons, shape.merges, gated, dtype, dtype, biases};
          CAPTURE(form.neurons);
          CAPTURE(form.merges);
          const Arrays arrays = random_hierarchy(random, form);
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
  const Coded coded = encode(random_hierarchy(random, {30, 20}), {0, 7, 7, 20, 20});
  CHECK(coded.sizes[1] > 0);
  CHECK(coded.sizes[2] == 0);
  CHECK(coded.sizes[4] == 0);
}

TEST_CASE("hierarchies: bytes that are no hierarchy are refused, or give some hierarchy") {
  Random random(3);
  for (const bool gated : {false, true}) {
    const Form form{80, 70, gated, DType::F16, DType::F32, true};
    const Coded coded = encode(random_hierarchy(random, form), {0, 10, 40, 70});
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
  const Form form{50, 49};
  const Coded coded = encode(random_hierarchy(random, form), {0, 20, 49});
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
  const Form form{20, 15};
  const Arrays good = random_hierarchy(random, form);
  const auto refuses = [&](auto&& change) {
    Arrays bad = good;
    change(bad);
    CHECK_THROWS_AS(encode(bad, {0, 15}), std::invalid_argument);
  };
  refuses([](Arrays& a) { std::swap(a.slots[0], a.slots[1]); });
  refuses([](Arrays& a) { a.slots[6] = a.slots[5]; });
  refuses([](Arrays& a) { a.slots[6] = 20; });
  refuses([](Arrays& a) { a.costs[3] |= 1; });
  refuses([](Arrays& a) { a.sides[0].coefficients[4] = 0x7c00; });
  refuses([](Arrays& a) { a.sides[1].coefficients[4] = a.sides[1].coefficients[5] = 0; });
  refuses([](Arrays& a) {
    a.sides[0].floors[0] = 255;
    a.leaf[0] = 0;
  });
  refuses([](Arrays& a) { a.leaf[33] = a.leaf[34] = 0; });
  CHECK_THROWS_AS(encode(good, {0, 9, 8, 15}), std::invalid_argument);
  CHECK_THROWS_AS(encode(good, {1, 15}), std::invalid_argument);
}

TEST_CASE("hierarchies: biases must be finite") {
  Random random(6);
  Arrays arrays = random_hierarchy(random, {20, 15});
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
