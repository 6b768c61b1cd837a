#include "kernels/planes.h"

// The state of a checksum, which JavaScript keeps between two parts.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "kernels/matrix_view.h"
#include "kernels/plane_stream.h"
#include "kernels/threads.h"
#include "kernels/words.h"

namespace herm {

namespace {

// Words of a block: small enough to be coded apart by several threads, large enough for zstd's tables to pay.
std::size_t block_words(std::size_t word_bytes) {
  return word_bytes == 1 ? std::size_t{1} << 22 : std::size_t{1} << 17;
}

std::size_t ceil_div(std::size_t a, std::size_t b) { return a / b + (a % b != 0); }

std::size_t whole_words(const WordLayout& layout, std::size_t bytes) {
  const std::size_t b = layout.bytes;
  if (b != 1 && b != 2 && b != 4 && b != 8) throw std::invalid_argument("words have 1, 2, 4 or 8 bytes");
  if (bytes % b != 0) throw std::invalid_argument("an array of words must hold whole words");
  return bytes / b;
}

// The sign from the top to the bottom, and back.
template <class Word>
Word rotate_up(Word word) {
  return static_cast<Word>(word << 1 | word >> (sizeof(Word) * 8 - 1));
}
template <class Word>
Word rotate_down(Word word) {
  return static_cast<Word>(word >> 1 | static_cast<Word>(word << (sizeof(Word) * 8 - 1)));
}

template <class Word>
void encode_block(bool rotate, const std::uint8_t* words, std::size_t count, std::vector<std::uint8_t>& out) {
  constexpr std::size_t planes = sizeof(Word);
  std::vector<std::uint8_t> bytes(planes * count);
  for (std::size_t k = 0; k < count; ++k) {
    auto word = load_word<Word>(words, k);
    if (rotate) word = rotate_up(word);
    for (std::size_t p = 0; p < planes; ++p) {
      bytes[p * count + k] = static_cast<std::uint8_t>(word >> (8 * (planes - 1 - p)));
    }
  }
  PlaneWriter writer;
  for (std::size_t p = 0; p < planes; ++p) writer.append({bytes.data() + p * count, count}, out);
}

template <class Word>
void decode_block(bool rotate, std::span<const StoredPlane> data, std::uint8_t* words, std::size_t count) {
  constexpr std::size_t planes = sizeof(Word);
  std::vector<std::uint8_t> bytes(planes * count);
  for (std::size_t p = 0; p < planes; ++p) expand_plane(data[p], {bytes.data() + p * count, count});
  for (std::size_t k = 0; k < count; ++k) {
    Word word = 0;
    for (std::size_t p = 0; p < planes; ++p) word = static_cast<Word>((word << 7 << 1) | bytes[p * count + k]);
    store_word(words, k, rotate ? rotate_down(word) : word);
  }
}

}  // namespace

std::size_t encoded_bound(std::size_t count, std::size_t word_bytes) {
  // A plane of one byte takes two either way; others are never larger than raw.
  const std::size_t methods = checked_mul(ceil_div(count, block_words(word_bytes)), word_bytes);
  const std::size_t bytes = checked_mul(count, word_bytes);
  if (bytes > std::numeric_limits<std::size_t>::max() - methods) throw std::length_error("too many words");
  return bytes + methods;
}

std::size_t encode_words(const Job& job, const WordLayout& layout, std::span<const std::uint8_t> words,
                         std::span<std::uint8_t> out) {
  const std::size_t count = whole_words(layout, words.size()), block = block_words(layout.bytes);
  std::vector<std::vector<std::uint8_t>> blocks(ceil_div(count, block));
  parallel_for(job, count, block, [&](std::size_t begin, std::size_t end) {
    with_word(layout.bytes, [&]<class Word>(Word) {
      encode_block<Word>(layout.rotate, words.data() + begin * sizeof(Word), end - begin, blocks[begin / block]);
    });
  });
  std::size_t used = 0;
  for (const auto& bytes : blocks) {
    if (bytes.size() > out.size() - used) throw std::invalid_argument("the output is smaller than encoded_bound");
    std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(used));
    used += bytes.size();
  }
  return used;
}

std::size_t decode_words(const Job& job, const WordLayout& layout, std::span<const std::uint8_t> data,
                         std::span<std::uint8_t> words) {
  const std::size_t count = whole_words(layout, words.size()), block = block_words(layout.bytes);
  PlaneReader reader(data);
  std::vector<StoredPlane> planes;  // two words a plane that the stream really holds
  for (std::size_t begin = 0; begin < count; begin += block) {
    for (std::size_t p = 0; p < layout.bytes; ++p) planes.push_back(reader.next(std::min(block, count - begin)));
  }
  parallel_for(job, count, block, [&](std::size_t begin, std::size_t end) {
    with_word(layout.bytes, [&]<class Word>(Word) {
      const auto stored = std::span(planes).subspan(begin / block * sizeof(Word), sizeof(Word));
      decode_block<Word>(layout.rotate, stored, words.data() + begin * sizeof(Word), end - begin);
    });
  });
  return reader.position();
}

namespace {

std::string hex_of(XXH64_hash_t hash) {
  XXH64_canonical_t canonical;
  XXH64_canonicalFromHash(&canonical, hash);
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : canonical.digest) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

}  // namespace

std::string xxh64_hex(std::span<const std::uint8_t> bytes) { return hex_of(XXH64(bytes.data(), bytes.size(), 0)); }

std::string xxh64_hex(std::span<const std::uint8_t> bytes, std::span<std::uint8_t> state) {
  XXH64_state_t running;
  static_assert(sizeof(running) == kXxh64StateBytes);
  if (state.size() != sizeof(running)) throw std::invalid_argument("a checksum has a state of 88 bytes");
  std::memcpy(&running, state.data(), sizeof(running));
  if (running.total_len == 0) XXH64_reset(&running, 0);
  if (running.memsize >= sizeof(running.mem64)) throw std::invalid_argument("a checksum has no such state");
  XXH64_update(&running, bytes.data(), bytes.size());
  std::memcpy(state.data(), &running, sizeof(running));
  return hex_of(XXH64_digest(&running));
}

}  // namespace herm
