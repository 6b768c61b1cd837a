// Words to bytes and back: the entropy coder of .herm version 0. Words are split into planes of bytes of equal weight;
// each plane of each block is stored raw, as one constant byte, or by zstd, whichever is smallest.
//
// A coded rectangle is its classes in ascending order, each cut into blocks of 131,072 words (1-byte words: 4 MiB),
// each block its planes from the most to the least significant: u8 method (0 raw, 1 constant, 2 zstd), then the bytes,
// the one byte, or a LEB128 length and the frame. No size in the stream is trusted: the caller knows all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "kernels/job.h"

namespace herm {

// How a word becomes bytes. Numbers are stored without their `shift` low zero bits and with the sign as the lowest bit
// (`rotate`), so that a float's exponent fills the first plane; indexes as they are (shift 0, no rotation).
struct WordLayout {
  std::size_t bytes = 1;  // of a word: 1, 2, 4, 8
  int shift = 0;
  bool rotate = false;
};

// Which words of a matrix [rows×cols] a rectangle holds, in row-major order of the two lists. A word's class is the
// larger one of its row's and its column's; words of different classes have different statistics (the grid they lie on)
// and are coded apart.
struct Rectangle {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::span<const std::uint32_t> row_list;
  std::span<const std::uint32_t> col_list;
  std::span<const std::uint8_t> row_class;  // one an entry of row_list, or empty: all 0
  std::span<const std::uint8_t> col_class;  // likewise
};

inline constexpr int kWordClasses = 3;

// The most bytes that encoding `count` words can give.
std::size_t encoded_bound(std::size_t count, std::size_t word_bytes);

// Both return the number of bytes of `out` written, or of `data` read: rectangles can follow each other.
// KernelError HERM_CORRUPT where `data` cannot be an encoded rectangle of this shape.
std::size_t encode_rectangle(const Job& job, const WordLayout& layout, const Rectangle& rectangle,
                             const std::uint8_t* words, std::span<std::uint8_t> out);
std::size_t decode_rectangle(const Job& job, const WordLayout& layout, const Rectangle& rectangle,
                             std::span<const std::uint8_t> data, std::uint8_t* words);

// A plain array of words, the same way.
std::size_t encode_words(const Job& job, const WordLayout& layout, std::span<const std::uint8_t> words,
                         std::span<std::uint8_t> out);
std::size_t decode_words(const Job& job, const WordLayout& layout, std::span<const std::uint8_t> data,
                         std::span<std::uint8_t> words);

// XXH64 (seed 0) as 16 hexadecimal digits.
std::string xxh64_hex(std::span<const std::uint8_t> bytes);

}  // namespace herm
