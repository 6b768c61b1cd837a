// Symbols of many short levels: one state (rans.h) that runs on from level to level, and no plain bits beside it, so
// that a level costs nothing but its symbols. The first level's bytes are the state (u32), then words; those of the
// others are words alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/error.h"
#include "kernels/rans.h"

namespace herm {

// All `count` <= 15 bits equally likely.
inline Share bits_share(std::uint32_t bits, int count) {
  const int size = kProbabilityBits - count;
  return {bits << size, 1u << size};
}

class LevelEncoder {
 public:
  // Symbols come in the order in which they are decoded.
  void put(unsigned, Share share) { symbols_.push_back(share); }
  // The low bits, 15 at a time from the lowest on.
  void bits(std::uint64_t value, int count) {
    for (; count > 0; count -= kProbabilityBits, value >>= kProbabilityBits) {
      const int part = std::min(count, kProbabilityBits);
      put(0, bits_share(static_cast<std::uint32_t>(value & ((std::uint64_t{1} << part) - 1)), part));
    }
  }
  void end_level() { ends_.push_back(symbols_.size()); }

  // Appends all levels to `out`; `sizes` [levels] are their bytes.
  void finish(std::vector<std::uint8_t>& out, std::span<std::uint64_t> sizes) const {
    std::vector<std::vector<std::uint16_t>> words(ends_.size());  // last one first
    std::uint32_t x = kLowestState;
    // What is decoded first is encoded last.
    for (std::size_t level = ends_.size(), k = symbols_.size(); level-- > 0;) {
      for (const std::size_t begin = level == 0 ? 0 : ends_[level - 1]; k > begin; --k) {
        rans_push(x, symbols_[k - 1], words[level]);
      }
    }
    for (std::size_t level = 0; level < words.size(); ++level) {
      const std::size_t before = out.size();
      if (level == 0) {
        put_word(x, out);
        put_word(x >> 16, out);
      }
      for (std::size_t k = words[level].size(); k-- > 0;) put_word(words[level][k], out);
      sizes[level] = out.size() - before;
    }
  }

 private:
  static void put_word(std::uint32_t word, std::vector<std::uint8_t>& out) {
    out.push_back(static_cast<std::uint8_t>(word));
    out.push_back(static_cast<std::uint8_t>(word >> 8));
  }

  std::vector<Share> symbols_;
  std::vector<std::size_t> ends_;
};

// Where something is missing or left over, KernelError HERM_CORRUPT.
class LevelDecoder {
 public:
  explicit LevelDecoder(std::span<const std::uint8_t> first) : words_(first) {
    const std::uint32_t low = next_word();
    x_ = next_word() << 16 | low;
    if (x_ < kLowestState) throw KernelError("HERM_CORRUPT", "a stream starts in a state that no encoder leaves");
  }

  std::uint32_t slot(unsigned) const { return rans_slot(x_); }
  void take(unsigned, Share share) {
    rans_pop(x_, share);
    if (x_ < kLowestState) x_ = x_ << 16 | next_word();
  }
  std::uint32_t uniform(unsigned, std::uint32_t n) {
    const std::uint32_t i = ((slot(0) + 1) * n - 1) >> kProbabilityBits;
    take(0, uniform_share(i, n));
    return i;
  }
  std::uint64_t bits(int count) {
    std::uint64_t value = 0;
    for (int done = 0; done < count; done += kProbabilityBits) {
      const int part = std::min(count - done, kProbabilityBits);
      const std::uint32_t bits = slot(0) >> (kProbabilityBits - part);
      take(0, bits_share(bits, part));
      value |= std::uint64_t{bits} << done;
    }
    return value;
  }

  void end_level() const {
    if (!words_.empty()) throw KernelError("HERM_CORRUPT", "a level does not end where its symbols do");
  }
  void next_level(std::span<const std::uint8_t> level) { words_ = level; }
  // After the last level of all.
  void finish() const {
    if (x_ != kLowestState) throw KernelError("HERM_CORRUPT", "a stream does not end where its symbols do");
  }

 private:
  std::uint32_t next_word() {
    if (words_.size() < 2) throw KernelError("HERM_CORRUPT", "a level ends before its symbols");
    const std::uint32_t word = words_[0] | std::uint32_t{words_[1]} << 8;
    words_ = words_.subspan(2);
    return word;
  }

  std::span<const std::uint8_t> words_;
  std::uint32_t x_ = 0;
};

}  // namespace herm
