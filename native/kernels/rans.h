// An entropy coder: range asymmetric numeral systems (J. Duda, "Asymmetric numeral systems", arXiv:1311.2540), four
// states side by side, and plain bits beside them. Probabilities are multiples of 2^−15.
//
// A stream is the number of 16-bit words (LEB128), the four states (u32 each), the words, then the plain bits, lowest
// first in each byte. Decoding starts from the stored states and must end with all four at 2^16 and nothing left.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "kernels/simd.h"

namespace herm {

inline constexpr int kProbabilityBits = 15;
inline constexpr std::uint32_t kProbabilityTotal = 1u << kProbabilityBits;

// A symbol's share [start, start + size) of all 2^15.
struct Share {
  std::uint32_t start = 0;
  std::uint32_t size = kProbabilityTotal;
};

// The share of choice i of n equally likely ones, n <= 2^11; the shares of all choices fill 2^15 exactly.
inline constexpr std::uint32_t kMaxUniform = 1u << 11;
// ⌈2^37 / n⌉: for x <= 2^26 and n <= 2^11 the product with it, shifted right by 37, is ⌊x / n⌋.
inline constexpr auto kReciprocals = [] {
  std::array<std::uint64_t, kMaxUniform + 1> table{};
  for (std::uint64_t n = 1; n <= kMaxUniform; ++n) table[n] = ((std::uint64_t{1} << 37) + n - 1) / n;
  return table;
}();
inline std::uint32_t uniform_start(std::uint32_t i, std::uint32_t n) {
  return static_cast<std::uint32_t>(((std::uint64_t{i} << kProbabilityBits) * kReciprocals[n]) >> 37);
}
inline Share uniform_share(std::uint32_t i, std::uint32_t n) {
  const std::uint32_t start = uniform_start(i, n);
  return {start, uniform_start(i + 1, n) - start};
}

// A state lies in [2^16, 2^32); where it would leave that range, its lowest 16 bits become a word of the stream.
inline constexpr std::uint32_t kLowestState = 1u << 16;

inline void rans_push(std::uint32_t& x, Share share, std::vector<std::uint16_t>& words) {
  if (x >= std::uint64_t{share.size} << 17) {
    words.push_back(static_cast<std::uint16_t>(x));
    x >>= 16;
  }
  x = (x / share.size << kProbabilityBits) + x % share.size + share.start;
}
// Undoes it; the caller appends the next word to a state below the lowest.
inline void rans_pop(std::uint32_t& x, Share share) {
  x = share.size * (x >> kProbabilityBits) + (x & (kProbabilityTotal - 1)) - share.start;
}
inline std::uint32_t rans_slot(std::uint32_t x) { return x & (kProbabilityTotal - 1); }

class RansEncoder {
 public:
  static constexpr unsigned kMostStates = 4;

  // Symbols come in the order in which they are decoded; `state` is 0..3.
  void put(unsigned state, Share share) {
    if (share.size == kProbabilityTotal) return;
    if (symbol_count_ == symbols_.size()) symbols_.resize(2 * symbols_.size() + 1024);
    symbols_[symbol_count_++] = share.start | (share.size - 1) << 15 | state << 30;
  }
  // The low `count` bits, at most 56.
  void bits(std::uint64_t value, int count) {
    pending_ |= (value & ((std::uint64_t{1} << count) - 1)) << filled_;
    filled_ += count;
    const int whole = filled_ >> 3;  // at most 7
    if (bytes_.size() - byte_count_ < 8) bytes_.resize(2 * bytes_.size() + 4096);
    std::uint8_t* const at = bytes_.data() + byte_count_;
    for (int k = 0; k < 8; ++k) at[k] = static_cast<std::uint8_t>(pending_ >> (8 * k));  // one store
    byte_count_ += static_cast<std::size_t>(whole);
    filled_ &= 7;
    pending_ >>= 8 * whole;
  }
  // Appends the stream to `out` and starts anew. `states`: 4, or 1, which is all of them.
  void finish(unsigned states, std::vector<std::uint8_t>& out);

 private:
  // With room at their ends.
  std::vector<std::uint32_t> symbols_;
  std::vector<std::uint8_t> bytes_;
  std::size_t symbol_count_ = 0, byte_count_ = 0;
  std::uint64_t pending_ = 0;
  int filled_ = 0;
};

// Plain bits, lowest first in each byte.
class BitReader {
 public:
  BitReader() = default;
  explicit BitReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  // At most 56 bits. Beyond the end they are 0, and at_end() is false from then on.
  HERM_INLINE std::uint64_t take(int count) {
    const std::size_t byte = at_ >> 3;
    if (std::endian::native != std::endian::little || bytes_.size() - byte < 8) [[unlikely]]
      return take_bytewise(count);
    std::uint64_t next;
    std::memcpy(&next, bytes_.data() + byte, sizeof(next));
    const std::uint64_t value = (next >> (at_ & 7)) & ((std::uint64_t{1} << count) - 1);
    at_ += static_cast<unsigned>(count);
    return value;
  }
  // So many for each one.
  template <class Number>
  void take_all(int count, std::span<Number> numbers) {
    const std::size_t bits = static_cast<unsigned>(count), all = bits * numbers.size();
    std::size_t done = 0;
    if (std::endian::native == std::endian::little && (at_ + all) / 8 + 8 <= bytes_.size()) {
      const std::uint64_t mask = (std::uint64_t{1} << count) - 1;
      const std::uint8_t* const bytes = bytes_.data();
      for (std::size_t at = at_; done < numbers.size(); ++done, at += bits) {
        std::uint64_t next;
        std::memcpy(&next, bytes + (at >> 3), sizeof(next));
        numbers[done] = static_cast<Number>(next >> (at & 7) & mask);
      }
      at_ += all;
    }
    for (; done < numbers.size(); ++done) numbers[done] = static_cast<Number>(take(count));
  }
  // Whether all was taken but zeros that fill the last byte.
  bool at_end() const;

 private:
  std::uint64_t take_bytewise(int count);

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;  // in bits, never beyond the end
  bool missing_ = false;
};

class RansDecoder {
 public:
  // KernelError HERM_CORRUPT where `stream` cannot be one.
  RansDecoder(std::span<const std::uint8_t> stream, unsigned states);

  // Where in [0, 2^15) the state's next symbol lies; take() then consumes the symbol that has this place in its share.
  std::uint32_t slot(unsigned state) const { return rans_slot(states_[state & mask_]); }
  void take(unsigned state, Share share) {
    std::uint32_t& x = states_[state & mask_];
    rans_pop(x, share);
    if (x < kLowestState) x = x << 16 | next_word();
  }
  std::uint32_t uniform(unsigned state, std::uint32_t n) {
    if (n == 1) return 0;
    const std::uint32_t i = ((slot(state) + 1) * n - 1) >> kProbabilityBits;
    take(state, uniform_share(i, n));
    return i;
  }

  // At most 56 bits. Beyond the end they are 0, and finish() fails.
  std::uint64_t bits(int count) { return bits_.take(count); }
  // For a loop that keeps it in registers.
  BitReader& plain_bits() { return bits_; }

  // KernelError HERM_CORRUPT unless the stream ends here.
  void finish() const;

  std::size_t states() const { return mask_ + 1; }

 private:
  friend class RansRun;

  std::uint32_t next_word() {
    if (words_end_ - words_ < 2) return missing_word();
    const std::uint32_t word = words_[0] | std::uint32_t{words_[1]} << 8;
    words_ += 2;
    return word;
  }
  std::uint32_t missing_word();

  std::array<std::uint32_t, RansEncoder::kMostStates> states_;
  unsigned mask_;
  const std::uint8_t* words_ = nullptr;
  const std::uint8_t* words_end_ = nullptr;
  BitReader bits_;
  bool missing_ = false;
};

// The symbols of a decoder of four states, which live in registers, by loops that ask first where its words end.
class RansRun {
 public:
  explicit RansRun(RansDecoder& decoder)
      : decoder_(decoder), states_(decoder.states_), words_(decoder.words_), words_end_(decoder.words_end_) {}
  RansRun(const RansRun&) = delete;
  RansRun& operator=(const RansRun&) = delete;

  // Whether so many symbols are surely there.
  bool holds(std::ptrdiff_t symbols) const {
    return std::endian::native == std::endian::little && words_end_ - words_ >= 2 * symbols;
  }

  HERM_INLINE std::uint32_t slot(unsigned state) const { return rans_slot(states_[state]); }
  HERM_INLINE void take(unsigned state, Share share) {
    std::uint32_t x = states_[state];
    rans_pop(x, share);
    std::uint16_t word;
    std::memcpy(&word, words_, sizeof(word));
    // Without a branch: a third of the symbols take a word, nobody knows which.
    const std::uint32_t low = -static_cast<std::uint32_t>(x < kLowestState);
    states_[state] = x ^ ((x ^ (x << 16 | word)) & low);
    words_ += low & sizeof(word);
  }
  // Of n <= 2^11 choices, also of one.
  HERM_INLINE std::uint32_t uniform(unsigned state, std::uint32_t n) {
    const std::uint32_t i = ((slot(state) + 1) * n - 1) >> kProbabilityBits;
    const std::uint64_t reciprocal = kReciprocals[n], product = (std::uint64_t{i} << kProbabilityBits) * reciprocal;
    const auto start = static_cast<std::uint32_t>(product >> 37);
    take(state, {start, static_cast<std::uint32_t>((product + (reciprocal << kProbabilityBits)) >> 37) - start});
    return i;
  }

  // The decoder goes on from here.
  void store() const {
    decoder_.states_ = states_;
    decoder_.words_ = words_;
  }

 private:
  RansDecoder& decoder_;
  std::array<std::uint32_t, RansEncoder::kMostStates> states_;
  const std::uint8_t* words_;
  const std::uint8_t* words_end_;
};

// symbol(coder, e, state) for e in [from, to), element e being told by state e mod 4; a RansRun tells those of which
// quick(e) is true for four from a multiple of 4 on. One symbol each, by the run.
template <class Quick, class Symbol>
HERM_INLINE void each_symbol(RansDecoder& coder, std::size_t from, std::size_t to, Quick&& quick, Symbol&& symbol) {
  std::size_t e = from;
  while (e < to) {
    if (e % 4 == 0 && coder.states() == 4 && to - e >= 4) {
      const std::size_t begin = e;
      RansRun run(coder);
      for (; to - e >= 4 && run.holds(4) && quick(e); e += 4) {
        symbol(run, e, 0u);
        symbol(run, e + 1, 1u);
        symbol(run, e + 2, 2u);
        symbol(run, e + 3, 3u);
      }
      run.store();
      if (e != begin) continue;
    }
    symbol(coder, e, static_cast<unsigned>(e % 4));
    ++e;
  }
}

}  // namespace herm
