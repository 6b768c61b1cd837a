// Words to bytes and back: what is not a weight, and weights that repeat. Words are split into planes of bytes of equal
// weight; each plane of each block is stored raw, as one constant byte, or by zstd, whichever is smallest.
//
// Coded words are blocks of 131,072 words (1-byte words: 4 MiB), each block its planes from the most to the least
// significant: u8 method (0 raw, 1 constant, 2 zstd), then the bytes, the one byte, or a LEB128 length and the frame.
// No size in the stream is trusted: the caller knows all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "kernels/job.h"

namespace herm {

// How a word becomes bytes: numbers with the sign as the lowest bit (`rotate`), so that a float's exponent fills the
// first plane; all else as it is.
struct WordLayout {
  std::size_t bytes = 1;  // of a word: 1, 2, 4, 8
  bool rotate = false;
};

// The most bytes that encoding `count` words can give.
std::size_t encoded_bound(std::size_t count, std::size_t word_bytes);

// Both return the number of bytes of `out` written, or of `data` read. KernelError HERM_CORRUPT where `data` cannot be
// as many words.
std::size_t encode_words(const Job& job, const WordLayout& layout, std::span<const std::uint8_t> words,
                         std::span<std::uint8_t> out);
std::size_t decode_words(const Job& job, const WordLayout& layout, std::span<const std::uint8_t> data,
                         std::span<std::uint8_t> words);

// XXH64 (seed 0) as 16 hexadecimal digits.
std::string xxh64_hex(std::span<const std::uint8_t> bytes);
// Of bytes that come in parts, up to here. `state` has kXxh64StateBytes bytes, all 0 before the first part.
inline constexpr std::size_t kXxh64StateBytes = 88;
std::string xxh64_hex(std::span<const std::uint8_t> bytes, std::span<std::uint8_t> state);

}  // namespace herm
