#include "kernels/planes.h"

#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "kernels/matrix_view.h"
#include "kernels/plane_stream.h"
#include "kernels/threads.h"
#include "kernels/word_code.h"
#include "kernels/words.h"

namespace herm {

namespace {

// Words of a block: small enough to be coded apart by several threads, large enough for zstd's tables to pay.
std::size_t block_words(std::size_t word_bytes) {
  return word_bytes == 1 ? std::size_t{1} << 22 : std::size_t{1} << 17;
}

std::size_t ceil_div(std::size_t a, std::size_t b) { return a / b + (a % b != 0); }

void check_layout(const WordLayout& layout) {
  const std::size_t b = layout.bytes;
  if (b != 1 && b != 2 && b != 4 && b != 8) throw std::invalid_argument("words have 1, 2, 4 or 8 bytes");
  if (layout.shift < 0 || layout.shift >= static_cast<int>(8 * b)) throw std::invalid_argument("shift is out of range");
}

// The words of one class of a rectangle, row by row: whole rows of that class take the columns of lower classes too.
class ClassWords {
 public:
  ClassWords(const Rectangle& rectangle, int word_class) : rectangle_(rectangle) {
    for (std::size_t c = 0; c < rectangle.col_list.size(); ++c) {
      const int of_col = class_at(rectangle.col_class, c);
      if (of_col <= word_class) up_to_.push_back(rectangle.col_list[c]);
      if (of_col == word_class) equal_.push_back(rectangle.col_list[c]);
    }
    for (std::size_t r = 0; r < rectangle.row_list.size(); ++r) {
      const int of_row = class_at(rectangle.row_class, r);
      const std::vector<std::uint32_t>& cols = of_row == word_class ? up_to_ : equal_;
      if (of_row > word_class || cols.empty()) continue;
      rows_.push_back({rectangle.row_list[r], &cols, count_});
      count_ += cols.size();  // no overflow: count <= rows × cols, which the caller has checked
    }
  }
  ClassWords(const ClassWords&) = delete;
  ClassWords& operator=(const ClassWords&) = delete;

  std::size_t count() const { return count_; }

  // fn(position in the matrix) for words [begin, end) of this class.
  template <class Fn>
  void for_each(std::size_t begin, std::size_t end, Fn&& fn) const {
    auto row = std::upper_bound(rows_.begin(), rows_.end(), begin,
                                [](std::size_t at, const Row& candidate) { return at < candidate.start; });
    if (row != rows_.begin()) --row;
    for (std::size_t at = begin; at < end; ++row) {
      const std::size_t last = std::min(end, row->start + row->cols->size());
      const std::size_t base = row->row * rectangle_.cols;
      for (; at < last; ++at) fn(base + (*row->cols)[at - row->start]);
    }
  }

 private:
  static int class_at(std::span<const std::uint8_t> classes, std::size_t i) { return classes.empty() ? 0 : classes[i]; }

  struct Row {
    std::size_t row;
    const std::vector<std::uint32_t>* cols;
    std::size_t start;
  };
  const Rectangle& rectangle_;
  std::vector<std::uint32_t> up_to_, equal_;
  std::vector<Row> rows_;
  std::size_t count_ = 0;
};

// The words of a plain array.
struct AllWords {
  std::size_t words;

  std::size_t count() const { return words; }
  template <class Fn>
  void for_each(std::size_t begin, std::size_t end, Fn&& fn) const {
    for (std::size_t at = begin; at < end; ++at) fn(at);
  }
};

void check_list(std::span<const std::uint32_t> list, std::span<const std::uint8_t> classes, std::size_t end) {
  if (!classes.empty() && classes.size() != list.size())
    throw std::invalid_argument("classes need one entry a row or column");
  for (const std::uint32_t entry : list) {
    if (entry >= end) throw std::invalid_argument("a row or column of a rectangle is out of range");
  }
  for (const std::uint8_t c : classes) {
    if (c >= kWordClasses) throw std::invalid_argument("a class of a rectangle is out of range");
  }
}

void check_rectangle(const WordLayout& layout, const Rectangle& rectangle) {
  check_layout(layout);
  checked_mul(checked_mul(rectangle.rows, rectangle.cols), layout.bytes);
  checked_mul(checked_mul(rectangle.row_list.size(), rectangle.col_list.size()), layout.bytes);
  check_list(rectangle.row_list, rectangle.row_class, rectangle.rows);
  check_list(rectangle.col_list, rectangle.col_class, rectangle.cols);
}

std::size_t whole_words(const WordLayout& layout, std::size_t bytes) {
  check_layout(layout);
  if (bytes % layout.bytes != 0) throw std::invalid_argument("an array of words must hold whole words");
  return bytes / layout.bytes;
}

template <class Word, class Positions>
void encode_block(const WordLayout& layout, const Positions& positions, std::size_t begin, std::size_t end,
                  const std::uint8_t* words, std::vector<std::uint8_t>& out) {
  const WordCode<Word> code(layout);
  const std::size_t planes = plane_count(layout), count = end - begin;
  std::vector<std::uint8_t> bytes(planes * count);
  std::size_t k = 0;
  positions.for_each(begin, end, [&](std::size_t at) {
    const auto word = load_word<Word>(words, at);
    if (!code.fits(word)) throw std::invalid_argument("a word has bits below its shift");
    const Word coded = code.encode(word);
    for (std::size_t p = 0; p < planes; ++p)
      bytes[p * count + k] = static_cast<std::uint8_t>(coded >> (8 * (planes - 1 - p)));
    ++k;
  });
  PlaneWriter writer;
  for (std::size_t p = 0; p < planes; ++p) writer.append({bytes.data() + p * count, count}, out);
}

template <class Word, class Positions>
void decode_block(const WordLayout& layout, const Positions& positions, std::size_t begin, std::size_t end,
                  std::span<const StoredPlane> data, std::uint8_t* words) {
  const WordCode<Word> code(layout);
  const std::size_t planes = plane_count(layout), count = end - begin;
  std::vector<std::uint8_t> bytes(planes * count);
  for (std::size_t p = 0; p < planes; ++p) expand_plane(data[p], {bytes.data() + p * count, count});
  std::size_t k = 0;
  positions.for_each(begin, end, [&](std::size_t at) {
    Word coded = 0;
    for (std::size_t p = 0; p < planes; ++p) coded = static_cast<Word>((coded << 7 << 1) | bytes[p * count + k]);
    ++k;
    Word word;
    if (!code.decode(coded, word)) corrupt_stream("a coded word has bits that it cannot have");
    store_word(words, at, word);
  });
}

template <class Word, class Positions>
std::size_t encode_positions(const Job& job, const WordLayout& layout, const Positions& positions,
                             const std::uint8_t* words, std::span<std::uint8_t> out) {
  const std::size_t block = block_words(sizeof(Word));
  std::vector<std::vector<std::uint8_t>> blocks(ceil_div(positions.count(), block));
  parallel_for(job, positions.count(), block, [&](std::size_t begin, std::size_t end) {
    encode_block<Word>(layout, positions, begin, end, words, blocks[begin / block]);
  });
  std::size_t used = 0;
  for (const auto& bytes : blocks) {
    if (bytes.size() > out.size() - used) throw std::invalid_argument("the output is smaller than encoded_bound");
    std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(used));
    used += bytes.size();
  }
  return used;
}

template <class Word, class Positions>
void decode_positions(const Job& job, const WordLayout& layout, const Positions& positions, PlaneReader& reader,
                      std::uint8_t* words) {
  const std::size_t block = block_words(sizeof(Word)), planes = plane_count(layout);
  std::vector<StoredPlane> data;  // two words a plane that the stream really holds
  for (std::size_t begin = 0; begin < positions.count(); begin += block) {
    const std::size_t size = std::min(block, positions.count() - begin);
    for (std::size_t p = 0; p < planes; ++p) data.push_back(reader.next(size));
  }
  parallel_for(job, positions.count(), block, [&](std::size_t begin, std::size_t end) {
    decode_block<Word>(layout, positions, begin, end, std::span(data).subspan(begin / block * planes, planes), words);
  });
}

}  // namespace

std::size_t encoded_bound(std::size_t count, std::size_t word_bytes) {
  const std::size_t blocks = ceil_div(count, block_words(word_bytes)) + kWordClasses;
  const std::size_t methods = checked_mul(blocks, word_bytes);
  const std::size_t bytes = checked_mul(count, word_bytes);
  // A plane of one byte takes two either way; others are never larger than raw.
  if (bytes > std::numeric_limits<std::size_t>::max() - methods) throw std::length_error("too many words");
  return bytes + methods;
}

std::size_t encode_rectangle(const Job& job, const WordLayout& layout, const Rectangle& rectangle,
                             const std::uint8_t* words, std::span<std::uint8_t> out) {
  check_rectangle(layout, rectangle);
  std::size_t used = 0;
  for (int c = 0; c < kWordClasses; ++c) {
    const ClassWords positions(rectangle, c);
    with_word(layout.bytes, [&](auto word) {
      used += encode_positions<decltype(word)>(job, layout, positions, words, out.subspan(used));
    });
  }
  return used;
}

std::size_t decode_rectangle(const Job& job, const WordLayout& layout, const Rectangle& rectangle,
                             std::span<const std::uint8_t> data, std::uint8_t* words) {
  check_rectangle(layout, rectangle);
  PlaneReader reader(data);
  for (int c = 0; c < kWordClasses; ++c) {
    const ClassWords positions(rectangle, c);
    with_word(layout.bytes,
              [&](auto word) { decode_positions<decltype(word)>(job, layout, positions, reader, words); });
  }
  return reader.position();
}

std::size_t encode_words(const Job& job, const WordLayout& layout, std::span<const std::uint8_t> words,
                         std::span<std::uint8_t> out) {
  const AllWords all{whole_words(layout, words.size())};
  std::size_t used = 0;
  with_word(layout.bytes,
            [&](auto word) { used = encode_positions<decltype(word)>(job, layout, all, words.data(), out); });
  return used;
}

std::size_t decode_words(const Job& job, const WordLayout& layout, std::span<const std::uint8_t> data,
                         std::span<std::uint8_t> words) {
  const AllWords all{whole_words(layout, words.size())};
  PlaneReader reader(data);
  with_word(layout.bytes, [&](auto word) { decode_positions<decltype(word)>(job, layout, all, reader, words.data()); });
  return reader.position();
}

std::string xxh64_hex(std::span<const std::uint8_t> bytes) {
  XXH64_canonical_t canonical;
  XXH64_canonicalFromHash(&canonical, XXH64(bytes.data(), bytes.size(), 0));
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : canonical.digest) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

}  // namespace herm
