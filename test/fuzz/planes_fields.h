#pragma once

#include <cstddef>

#include "fields.h"
#include "kernels/planes.h"

namespace herm::fuzz {

struct PlanesFields {
  int log2_bytes = 0, rotate = 0, blocks = 0;  // `blocks`: so many before the last one, of 2^17 words
  std::size_t count = 0;                       // words of the last one

  template <class Io>
  void pass(Io& io) {
    io.number(log2_bytes, 3);
    io.number(rotate, 1);
    io.number(blocks, 1);
    io.number(count, 4000);
  }
  WordLayout layout() const { return {std::size_t{1} << log2_bytes, rotate != 0}; }
  std::size_t bytes() const { return (count + (static_cast<std::size_t>(blocks) << 17)) << log2_bytes; }
};

}  // namespace herm::fuzz
