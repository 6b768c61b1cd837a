// Hierarchies at random, with everything in them that a file can say.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "kernels/exact_tree.h"
#include "kernels/hierarchy_code.h"
#include "kernels/tensor_grid.h"

namespace oracle {

using herm::DType;

struct HierarchyForm {
  std::size_t neurons, merges;
  bool gated = false;
  DType weights = DType::F32;
  DType bias_dtype = DType::F32;
  bool biases = true;
};

struct SideArrays {
  std::vector<std::uint16_t> coefficients, floors;
  std::vector<std::uint8_t> followed;
  std::vector<float> gains;

  bool operator==(const SideArrays&) const = default;
};

struct HierarchyArrays {
  HierarchyForm form;
  std::vector<std::uint32_t> slots;
  std::vector<std::uint8_t> leaf;
  std::vector<std::uint32_t> costs;  // bits of f32
  std::vector<SideArrays> sides;     // input, output, gate
  std::vector<std::vector<std::uint8_t>> biases;

  HierarchyArrays(const HierarchyForm& a_form, std::size_t instructions)
      : form(a_form), slots(nodes(instructions)), leaf(slots.size()), costs(instructions) {
    const SideArrays side{std::vector<std::uint16_t>(2 * instructions), std::vector<std::uint16_t>(slots.size()),
                          std::vector<std::uint8_t>(instructions), std::vector<float>(slots.size(), 1)};
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
      *targets[s] = {form.weights, sides[s].coefficients, sides[s].followed, sides[s].floors, sides[s].gains};
    }
    view.gated = form.gated;
    view.biases = {form.bias_dtype, biases[0]};
    view.gate_biases = {form.bias_dtype, biases[1]};
    fn(view);
    for (std::size_t n = 0; n < costs.size(); ++n) costs[n] = std::bit_cast<std::uint32_t>(floats[n]);
  }

  bool same(const HierarchyArrays& other) const {
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

inline void put_bias(Random& random, HierarchyArrays& arrays, std::size_t which, std::size_t node, std::size_t parent) {
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

inline std::uint16_t coefficient(Random& random) {
  if (random.one_in(20)) return static_cast<std::uint16_t>(random.below(0x7c00) | (random.one_in(2) ? 0x8000 : 0));
  return static_cast<std::uint16_t>(0x3400 + random.below(0x800));
}

inline void put_floor(Random& random, HierarchyArrays& arrays, std::size_t s, std::size_t node) {
  const auto highest = static_cast<std::size_t>(herm::highest_floor(arrays.form.weights));
  std::uint16_t& floor = arrays.sides[s].floors[node];
  floor = 0;
  arrays.sides[s].gains[node] = 1;
  if (arrays.leaf[node] != 0 || random.one_in(10)) return;
  floor = static_cast<std::uint16_t>(random.one_in(10) ? 1 + random.below(highest) : highest / 2 + random.below(3));
}

inline void put_side(Random& random, HierarchyArrays& arrays, std::size_t s, std::size_t n, std::size_t parent) {
  SideArrays& side = arrays.sides[s];
  const std::size_t first = arrays.roots() + 2 * n;
  std::uint16_t* const a = &side.coefficients[2 * n];
  for (const std::size_t child : {0, 1}) {
    a[child] = coefficient(random);
    put_floor(random, arrays, s, first + child);
  }
  side.followed[n] = static_cast<std::uint8_t>(random.below(2));
  const bool multiple = side.gains[parent] != 1;
  if (!random.one_in(4) && !multiple) {
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

// Of a node whose lane lies on the tensor's own grid; call when its floor is known.
inline void put_gain(Random& random, HierarchyArrays& arrays, std::size_t s, std::size_t node) {
  SideArrays& side = arrays.sides[s];
  const bool short_gain = herm::mantissa_bits(arrays.form.weights) <= 10;
  side.gains[node] = 1;
  if (arrays.leaf[node] != 0 || side.floors[node] != 0 || random.one_in(3)) return;
  auto bits =
      static_cast<std::uint32_t>(random.one_in(5) ? 1 + random.below(0x7f7fffff) : 0x3f000000 + random.below(1 << 24));
  if (short_gain) bits = (bits & ~0x1fffU) | 0x2000U;
  side.gains[node] = std::bit_cast<float>(bits | (random.one_in(3) ? 0x80000000U : 0));
}

// Any hierarchy: merges joins random living slots.
inline HierarchyArrays random_hierarchy(Random& random, const HierarchyForm& form) {
  HierarchyArrays arrays(form, form.merges);
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
    for (std::size_t s = 0; s < 3; ++s) {
      put_floor(random, arrays, s, root);
      put_gain(random, arrays, s, root);
    }
    for (const std::size_t which : {0, 1}) put_bias(random, arrays, which, root, root);
  }
  for (std::size_t n = 0; n < form.merges; ++n) {
    const std::size_t first = arrays.roots() + 2 * n, parent = node[arrays.slots[first]];
    for (std::size_t s = 0; s < 3; ++s) {
      put_side(random, arrays, s, n, parent);
      for (const std::size_t child : {0, 1}) put_gain(random, arrays, s, first + child);
    }
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

}  // namespace oracle
