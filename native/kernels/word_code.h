// Words as the bytes of their planes (planes.h).
#pragma once

#include <cstddef>

#include "kernels/planes.h"

namespace herm {

inline std::size_t plane_count(const WordLayout& layout) {
  return (layout.bytes * 8 - static_cast<std::size_t>(layout.shift) + 7) / 8;
}

// A word as its planes' bytes, in the low plane_count() bytes of a number, left-aligned in them.
template <class Word>
class WordCode {
 public:
  // The masks change nothing: layouts are checked. They tell analysers so.
  explicit WordCode(const WordLayout& layout)
      : shift_(layout.shift & (kBits - 1)), pad_(layout.shift & 7), rotate_(layout.rotate) {}

  // The bits that `shift` drops must be zero, or they would be lost.
  bool fits(Word word) const { return (word & ((Word{1} << shift_) - 1)) == 0; }

  Word encode(Word word) const {
    const auto kept = static_cast<Word>(word >> shift_);
    if (!rotate_) return static_cast<Word>(kept << pad_);
    const auto magnitude = static_cast<Word>((word & ~kSign) >> shift_);
    return static_cast<Word>(static_cast<Word>(magnitude << 1 | (word & kSign ? 1 : 0)) << pad_);
  }
  bool decode(Word code, Word& word) const {
    if ((code & ((Word{1} << pad_) - 1)) != 0) return false;
    const auto kept = static_cast<Word>(code >> pad_);
    if (!rotate_) {
      word = static_cast<Word>(kept << shift_);
    } else {
      word = static_cast<Word>(static_cast<Word>(kept >> 1) << shift_ | (kept & 1 ? kSign : Word{0}));
    }
    return true;
  }

 private:
  static constexpr int kBits = sizeof(Word) * 8;
  static constexpr Word kSign = static_cast<Word>(Word{1} << (kBits - 1));
  int shift_;
  int pad_;  // low bits of the last plane that stay zero
  bool rotate_;
};

}  // namespace herm
