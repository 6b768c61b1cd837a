#pragma once

#include <cstddef>

#include "fields.h"
#include "kernels/number_arrays.h"

namespace herm::fuzz {

inline constexpr DType kFormats[] = {DType::F64, DType::F32, DType::F16, DType::BF16};

struct NumbersFields {
  std::size_t format = 0, columns = 1, count = 0;

  template <class Io>
  void pass(Io& io) {
    io.number(format, 3);
    io.number(columns, kPieceNumbers + 1);
    io.number(count, 3000);
  }
  NumberArray array() const { return {kFormats[format], columns}; }
};

}  // namespace herm::fuzz
