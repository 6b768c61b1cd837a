// Unsigned words in byte arrays of any alignment, as files and JavaScript hand them over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace herm {

template <class Word>
Word load_word(const std::uint8_t* bytes, std::size_t i) {
  Word word;
  std::memcpy(&word, bytes + i * sizeof(Word), sizeof(Word));
  return word;
}

template <class Word>
void store_word(std::uint8_t* bytes, std::size_t i, Word word) {
  std::memcpy(bytes + i * sizeof(Word), &word, sizeof(Word));
}

// fn(Word{}) for the word type of this size.
template <class Fn>
void with_word(std::size_t bytes, Fn&& fn) {
  switch (bytes) {
    case 8:
      return fn(std::uint64_t{});
    case 4:
      return fn(std::uint32_t{});
    case 2:
      return fn(std::uint16_t{});
    case 1:
      return fn(std::uint8_t{});
    default:
      throw std::invalid_argument("words have 1, 2, 4 or 8 bytes");
  }
}

}  // namespace herm
