#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "../native/hierarchy_support.h"
#include "fields.h"
#include "numbers_fields.h"

namespace herm::fuzz {

// Of a hierarchy and its levels, the first of which are there.
struct HierarchyFields {
  std::size_t roots = 0, merges = 0, weights = 0, biases = 0, levels = 0;
  int gated = 0, with_biases = 0;
  std::vector<std::uint32_t> level_instructions;
  std::vector<std::uint64_t> sizes;

  template <class Io>
  void pass(Io& io) {
    io.number(roots, 60);
    io.number(merges, 5000);
    io.number(weights, 3);
    io.number(biases, 3);
    io.number(gated, 1);
    io.number(with_biases, 1);
    io.number(levels, 5);
    io.numbers(level_instructions, levels, std::min<std::size_t>(merges, 60));
    io.numbers(sizes, levels, 0xffff);
    // That they grow is an argument, and nothing that a file says.
    std::sort(level_instructions.begin(), level_instructions.end());
  }

  std::size_t instructions() const { return level_instructions.empty() ? 0 : level_instructions.back(); }
  oracle::HierarchyForm form() const {
    return {roots + merges, merges, gated != 0, kFormats[weights], kFormats[biases], with_biases != 0};
  }
};

}  // namespace herm::fuzz
