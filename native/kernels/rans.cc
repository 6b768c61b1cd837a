#include "kernels/rans.h"

#include <cstring>

#include "kernels/error.h"
#include "kernels/leb128.h"

namespace herm {

namespace {

[[noreturn]] void corrupt(const char* what) { throw KernelError("HERM_CORRUPT", what); }

void put_word(std::uint32_t word, std::vector<std::uint8_t>& out) {
  out.push_back(static_cast<std::uint8_t>(word));
  out.push_back(static_cast<std::uint8_t>(word >> 8));
}

}  // namespace

void RansEncoder::finish(unsigned states, std::vector<std::uint8_t>& out) {
  std::array<std::uint32_t, kMostStates> all;
  all.fill(kLowestState);
  std::vector<std::uint16_t> words;  // last one first
  words.reserve(symbol_count_);
  // What is decoded first is encoded last.
  for (std::size_t k = symbol_count_; k-- > 0;) {
    const std::uint32_t start = symbols_[k] & 0x7fff, size = (symbols_[k] >> 15 & 0x7fff) + 1;
    rans_push(all[symbols_[k] >> 30 & (states - 1)], {start, size}, words);
  }
  if (filled_ > 0) bytes_[byte_count_++] = static_cast<std::uint8_t>(pending_);
  put_leb128(words.size(), out);
  for (const std::uint32_t x : std::span(all).first(states)) {
    put_word(x, out);
    put_word(x >> 16, out);
  }
  for (std::size_t k = words.size(); k-- > 0;) put_word(words[k], out);
  out.insert(out.end(), bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(byte_count_));
  symbol_count_ = byte_count_ = 0;
  pending_ = 0;
  filled_ = 0;
}

RansDecoder::RansDecoder(std::span<const std::uint8_t> stream, unsigned states) : mask_(states - 1) {
  states_.fill(kLowestState);
  const std::uint64_t words = take_leb128(stream);
  const std::size_t head = states * sizeof(std::uint32_t);
  if (stream.size() < head || (stream.size() - head) / 2 < words) corrupt("a stream is too short for its words");
  std::size_t at = 0;
  for (std::uint32_t& x : std::span(states_).first(states)) {
    x = 0;
    for (int k = 0; k < 4; ++k) x |= std::uint32_t{stream[at++]} << (8 * k);
    if (x < kLowestState) corrupt("a stream starts in a state that no encoder leaves");
  }
  words_ = stream.data() + at;
  words_end_ = words_ + 2 * words;
  bits_ = BitReader(stream.subspan(at + 2 * words));
}

std::uint32_t RansDecoder::missing_word() {
  missing_ = true;
  return 1;  // keeps the state valid
}

std::uint64_t BitReader::take_bytewise(int count) {
  std::uint64_t value = 0;
  for (int k = 0; k < count; ++k, ++at_) {
    if (at_ == 8 * bytes_.size()) {
      missing_ = true;
      break;
    }
    value |= (std::uint64_t{bytes_[at_ >> 3]} >> (at_ & 7) & 1) << k;
  }
  return value;
}

bool BitReader::at_end() const {
  if (missing_ || (at_ + 7) >> 3 != bytes_.size()) return false;
  return at_ % 8 == 0 || bytes_.back() >> (at_ % 8) == 0;
}

void RansDecoder::finish() const {
  bool ended = !missing_ && words_ == words_end_ && bits_.at_end();
  for (const std::uint32_t x : states_) ended = ended && x == kLowestState;
  if (!ended) corrupt("a stream does not end where its numbers do");
}

}  // namespace herm
