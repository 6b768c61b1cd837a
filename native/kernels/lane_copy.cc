#include "kernels/lane_copy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "kernels/squares.h"
#include "kernels/threads.h"
#include "kernels/words.h"

namespace herm {

namespace {

// Lanes that a thread takes at a time.
constexpr std::size_t kTile = 64;
// Rows that are read side by side: rows of a matrix often lie a multiple of a page apart, and then only as many of
// their cache lines fit into the first-level cache as it has ways.
constexpr std::size_t kRows = 8;
// Words of four bytes are read a whole line at once.
template <class Word>
constexpr std::size_t kRowsOf = sizeof(Word) == 4 ? kLineWords : kRows;

// to(c, r) = from(r, c), both row-major with their own strides.
template <class Word>
void transpose(const Job& job, const std::uint8_t* from, std::size_t rows, std::size_t cols, std::uint8_t* to) {
  constexpr std::size_t kLine = 64 / sizeof(Word);
  const Stores stores = stores_for(rows * cols * sizeof(Word));
  parallel_for(job, cols, kTile, [&](std::size_t first, std::size_t last) {
    for (std::size_t left = first; left < last; left += kLine) {
      const std::size_t right = std::min(last, left + kLine);
      for (std::size_t top = 0; top < rows; top += kRowsOf<Word>) {
        const std::size_t bottom = std::min(rows, top + kRowsOf<Word>);
        transpose_words<sizeof(Word)>(from + (top * cols + left) * sizeof(Word), cols * sizeof(Word), bottom - top,
                                      right - left, to + (left * rows + top) * sizeof(Word), rows * sizeof(Word),
                                      stores);
      }
    }
    end_streams();
  });
}

bool consecutive(std::span<const std::uint32_t> list) {
  for (std::size_t i = 1; i < list.size(); ++i) {
    if (list[i] != list[i - 1] + 1) return false;
  }
  return true;
}

// Lanes as they lie.
template <class Word>
void gather_lanes(const Job& job, const LaneSelection& selection, const std::uint8_t* lanes, std::uint8_t* out) {
  const std::size_t elements = selection.elements.size();
  const bool one_piece = elements > 0 && consecutive(selection.elements);
  parallel_for(job, selection.slots.size(), kTile, [&](std::size_t first, std::size_t last) {
    for (std::size_t s = first; s < last; ++s) {
      const std::size_t from = selection.slots[s] * selection.length;
      if (one_piece) {
        const std::size_t begin = from + selection.elements[0];
        std::memcpy(out + s * elements * sizeof(Word), lanes + begin * sizeof(Word), elements * sizeof(Word));
        continue;
      }
      for (std::size_t e = 0; e < elements; ++e) {
        store_word(out, s * elements + e, load_word<Word>(lanes, from + selection.elements[e]));
      }
    }
  });
}

// Elements first. By squares that fill cache lines on both sides, and lie side by side while they are turned: rows of
// `out`, like lanes, often lie a multiple of a page apart.
template <class Word>
void gather_transposed(const Job& job, const LaneSelection& selection, const std::uint8_t* lanes, std::uint8_t* out) {
  constexpr std::size_t kLine = 64 / sizeof(Word);
  const std::size_t slots = selection.slots.size(), elements = selection.elements.size();
  const auto turn = [&](std::size_t left, std::size_t right, std::size_t top, std::size_t bottom) {
    std::array<Word, kLine * kLine> square;
    for (std::size_t s = left; s < right; ++s) {
      const std::size_t from = selection.slots[s] * selection.length;
      for (std::size_t e = top; e < bottom; ++e) {
        square[(e - top) * kLine + (s - left)] = load_word<Word>(lanes, from + selection.elements[e]);
      }
    }
    for (std::size_t e = top; e < bottom; ++e) {
      std::memcpy(out + (e * slots + left) * sizeof(Word), &square[(e - top) * kLine], (right - left) * sizeof(Word));
    }
  };
  parallel_for(job, elements, kTile, [&](std::size_t first, std::size_t last) {
    for (std::size_t left = 0; left < slots; left += kLine) {
      const std::size_t right = std::min(slots, left + kLine);
      for (std::size_t top = first; top < last; top += kLine) turn(left, right, top, std::min(last, top + kLine));
    }
  });
}

void check_entries(std::span<const std::uint32_t> list, std::size_t end) {
  for (const std::uint32_t entry : list) {
    if (entry >= end) throw std::invalid_argument("a slot or element is out of range");
  }
}

}  // namespace

void load_lanes(const Job& job, const StoredMatrix& stored, std::uint8_t* lanes) {
  const auto* bytes = static_cast<const std::uint8_t*>(stored.bytes);
  const std::size_t word_bytes = dtype_bytes(stored.dtype);
  if (!stored.transposed) {
    const std::size_t size = checked_mul(checked_mul(stored.rows, stored.cols), word_bytes);
    if (size > 0) std::memcpy(lanes, bytes, size);
    return;
  }
  with_word(word_bytes, [&](auto word) { transpose<decltype(word)>(job, bytes, stored.rows, stored.cols, lanes); });
}

void store_lanes(const Job& job, const LaneSelection& selection, const std::uint8_t* lanes, bool transposed,
                 std::uint8_t* out) {
  check_entries(selection.slots, selection.lanes);
  check_entries(selection.elements, selection.length);
  with_word(selection.word_bytes, [&](auto word) {
    using Word = decltype(word);
    if (transposed) {
      gather_transposed<Word>(job, selection, lanes, out);
    } else {
      gather_lanes<Word>(job, selection, lanes, out);
    }
  });
}

}  // namespace herm
