// Arrays of floating-point numbers as bytes: tensors that no hierarchy merges, coded by the models of lanes
// (lane_code.h), with a row as a root.
//
// An array is cut into *pieces* that are coded apart: as many whole rows of `columns` numbers as 2^21 numbers hold, at
// least one; what fills no row is a piece of one shorter row. A piece is a LEB128 length of all that follows, u8
// method, and:
//   0  the words of the piece (planes.h) as floats; always so where a number is infinite or NaN
//   1  u8 shift (tensor_shift), then the rows as roots without instructions, on one level in ⌈columns / 1024⌉ strips:
//      the LEB128 lengths of the strips' sections B, then the sections
//   2  likewise, all columns being of one scale
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

inline constexpr std::size_t kPieceNumbers = std::size_t{1} << 21;

struct NumberArray {
  DType dtype = DType::F32;
  std::size_t columns = 1;  // 1 … 2^21
};

// The most bytes that encoding `count` numbers can give.
std::size_t encoded_numbers_bound(const NumberArray& array, std::size_t count);

// Returns the number of bytes of `out` written. std::invalid_argument where they are too few, or no whole numbers.
std::size_t encode_numbers(const Job& job, const NumberArray& array, std::span<const std::uint8_t> words,
                           std::span<std::uint8_t> out);

// Fills all of `words`, and returns the number of bytes of `data` read: an array can be decoded in parts that end where
// pieces do. KernelError HERM_CORRUPT where `data` does not begin with what encode_numbers makes of as many.
std::size_t decode_numbers(const Job& job, const NumberArray& array, std::span<const std::uint8_t> data,
                           std::span<std::uint8_t> words);

}  // namespace herm
