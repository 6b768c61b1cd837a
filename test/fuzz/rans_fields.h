#pragma once

#include <cstddef>
#include <vector>

#include "fields.h"

namespace herm::fuzz {

// What is taken from a stream, step by step: the two lowest bits are the state, the next two how, the others how much.
struct RansFields {
  std::size_t count = 0;
  std::vector<std::uint8_t> steps;

  template <class Io>
  void pass(Io& io) {
    io.number(count, 255);
    io.numbers(steps, count, 255);
  }
};

}  // namespace herm::fuzz
