#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <numeric>
#include <vector>

#include "fields.h"
#include "kernels/exact_tree.h"
#include "kernels/lane_code.h"
#include "kernels/tensor_grid.h"
#include "numbers_fields.h"

namespace herm::fuzz {

// Of nodes and levels. Ranges go one beyond what is allowed where a file could.
struct LanesFields {
  std::size_t format = 0, roots = 0, instructions = 0, length = 0, levels = 0, strips = 1, wanted = 0;
  int shift = 0, only_followed = 0, even = 0, with_floors = 0;
  std::vector<std::uint32_t> parents, level_instructions, level_elements;
  std::vector<std::uint16_t> coefficients, floors, element_floors;
  std::vector<std::uint32_t> gain_bits;
  std::vector<float> gains;
  std::vector<std::uint8_t> followed, known;  // `known`: the words, where only followed children are coded
  std::vector<std::uint64_t> sizes;

  template <class Io>
  void pass(Io& io) {
    io.number(format, 3);
    io.number(shift, static_cast<std::uint64_t>(mantissa_bits(dtype())) + 1);
    io.number(roots, 5);
    io.number(instructions, 10);
    io.number(length, 40);
    io.number(levels, 4);
    io.number(strips, 3);
    io.number(only_followed, 1);
    io.number(even, 1);
    io.number(with_floors, 1);
    io.number(wanted, instructions);
    parents.resize(instructions);
    for (std::size_t n = 0; n < instructions; ++n) io.number(parents[n], roots + 2 * n);
    io.numbers(coefficients, 2 * instructions, 0xffff);
    io.numbers(followed, instructions, 1);
    const auto highest = static_cast<std::uint64_t>(highest_floor(dtype())) + 1;
    io.numbers(floors, nodes(), highest);
    io.numbers(gain_bits, nodes(), 0xffffffff);
    io.numbers(element_floors, with_floors != 0 ? length : 0, highest);
    io.numbers(level_instructions, levels, instructions);
    io.numbers(level_elements, levels, length);
    io.numbers(sizes, 2 * levels * strips, 0xffff);
    io.numbers(known, only_followed != 0 ? bytes() : 0, 0xff);
    gains.clear();
    for (const std::uint32_t bits : gain_bits) gains.push_back(std::bit_cast<float>(bits));
    // That they grow is an argument, and nothing that a file says.
    std::sort(level_instructions.begin(), level_instructions.end());
    std::sort(level_elements.begin(), level_elements.end());
  }

  DType dtype() const { return kFormats[format]; }
  std::size_t nodes() const { return roots + 2 * instructions; }
  std::size_t bytes() const { return nodes() * length * dtype_bytes(dtype()); }
  LaneLevels extents() const { return {level_instructions, level_elements, strips}; }
  NodeLanes view(const std::vector<std::uint32_t>& rows, Bytes& words) const {
    NodeLanes lanes;
    lanes.dtype = dtype();
    lanes.shift = shift;
    lanes.roots = roots;
    lanes.parents = parents;
    lanes.coefficients = coefficients;
    lanes.followed = followed;
    lanes.floors = floors;
    lanes.gains = gains;
    lanes.rows = rows;
    lanes.row_count = rows.size();
    lanes.length = length;
    lanes.element_floors = element_floors;
    lanes.only_followed = only_followed != 0;
    lanes.even = even != 0;
    lanes.words = words.data();
    return lanes;
  }
  // Every node has its own.
  std::vector<std::uint32_t> rows() const {
    std::vector<std::uint32_t> all(nodes());
    std::iota(all.begin(), all.end(), std::uint32_t{0});
    return all;
  }
};

}  // namespace herm::fuzz
