#include "kernels/number_arrays.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "kernels/float_grid.h"
#include "kernels/lane_code.h"
#include "kernels/lane_grids.h"
#include "kernels/leb128.h"
#include "kernels/matrix_view.h"
#include "kernels/planes.h"
#include "kernels/tensor_grid.h"
#include "kernels/threads.h"

namespace herm {

namespace {

using Bytes = std::vector<std::uint8_t>;

enum Method : std::uint8_t { kPlanes = 0, kLanes = 1, kEvenLanes = 2 };

[[noreturn]] void corrupt(const char* what) { throw KernelError("HERM_CORRUPT", what); }

// One piece of an array.
struct Piece {
  std::size_t begin, rows, columns;

  std::size_t count() const { return rows * columns; }
};

class Pieces {
 public:
  Pieces(const NumberArray& array, std::size_t count) : columns_(array.columns), rest_(0) {
    if (columns_ < 1 || columns_ > kPieceNumbers) throw std::invalid_argument("rows must have 1 to 2^21 numbers");
    rows_ = count / columns_;
    rest_ = count % columns_;
    rows_of_piece_ = kPieceNumbers / columns_;
    whole_ = rows_ / rows_of_piece_ + (rows_ % rows_of_piece_ != 0);
  }

  std::size_t size() const { return whole_ + (rest_ != 0); }
  Piece operator[](std::size_t i) const {
    const std::size_t first = i * rows_of_piece_;
    if (i == whole_) return {rows_ * columns_, 1, rest_};
    return {first * columns_, std::min(rows_of_piece_, rows_ - first), columns_};
  }

 private:
  std::size_t columns_, rest_, rows_, rows_of_piece_, whole_;
};

std::size_t whole_numbers(const NumberArray& array, std::size_t bytes) {
  const std::size_t word_bytes = dtype_bytes(array.dtype);
  if (bytes % word_bytes != 0) throw std::invalid_argument("an array of numbers must hold whole numbers");
  return bytes / word_bytes;
}

WordLayout plane_layout(DType dtype) { return {dtype_bytes(dtype), true}; }

// The rows of a piece as the roots of a hierarchy that splits none of them.
class RootRows {
 public:
  RootRows(DType dtype, const Piece& piece, int shift, bool even, std::uint8_t* words)
      : floors_(piece.rows), rows_(piece.rows), elements_(static_cast<std::uint32_t>(piece.columns)) {
    std::iota(rows_.begin(), rows_.end(), std::uint32_t{0});
    lanes_.dtype = dtype;
    lanes_.shift = shift;
    lanes_.roots = lanes_.row_count = piece.rows;
    lanes_.floors = floors_;
    lanes_.rows = rows_;
    lanes_.length = piece.columns;
    lanes_.even = even;
    lanes_.words = words;
  }
  RootRows(const RootRows&) = delete;
  RootRows& operator=(const RootRows&) = delete;

  const NodeLanes& lanes() const { return lanes_; }
  LaneLevels levels() const {
    return {{&instructions_, 1}, {&elements_, 1}, (lanes_.length + kStripElements - 1) / kStripElements};
  }

 private:
  std::vector<std::uint16_t> floors_;
  std::vector<std::uint32_t> rows_;
  std::uint32_t instructions_ = 0, elements_;
  NodeLanes lanes_;
};

template <DType D>
bool all_finite(std::span<const std::uint8_t> words) {
  using Word = typename FloatGrid<D>::Word;
  Word largest = 0;
  for (std::size_t i = 0; i < words.size() / sizeof(Word); ++i) {
    const auto word = load_word<Word>(words.data(), i);
    largest = std::max(largest, static_cast<Word>(word & ~FloatGrid<D>::kSign));
  }
  return FloatGrid<D>::finite(largest);
}

// A shift costs its bits; a column of as many rows that lies so far from the others saves about what follows from the
// spread of levels, 6 or 7 of them. Of few rows the means differ by chance.
bool shifts_pay(std::span<const std::int8_t> shifts, std::size_t rows) {
  constexpr double kSaved = 0.72 / (6.5 * 6.5), kCost = 1.6;
  double saved = 0, cost = 0;
  for (const std::int8_t shift : shifts) {
    const double size = std::fabs(static_cast<double>(shift));
    saved += kSaved * static_cast<double>(rows) * size * size;
    cost += kCost + size;
  }
  return saved > cost;
}

Bytes encode_as_lanes(const Job& job, DType dtype, const Piece& piece, std::span<const std::uint8_t> words) {
  const int shift = tensor_shift(job, dtype, words.data(), piece.count());
  auto shifts = element_shifts(job, dtype, words.data(), piece.rows, piece.columns);
  const bool even = !shifts_pay(shifts, piece.rows);
  if (even) std::fill(shifts.begin(), shifts.end(), std::int8_t{0});
  // Encoding only reads.
  const RootRows rows(dtype, piece, shift, even, const_cast<std::uint8_t*>(words.data()));
  const LaneLevels levels = rows.levels();
  std::vector<std::uint64_t> sizes(levels.sections());
  Bytes sections;
  encode_lanes(job, rows.lanes(), levels, shifts, sections, sizes);
  Bytes out{even ? kEvenLanes : kLanes, static_cast<std::uint8_t>(shift)};
  for (std::size_t strip = 0; strip < levels.strips; ++strip) put_leb128(sizes[2 * strip + 1], out);
  out.insert(out.end(), sections.begin(), sections.end());
  return out;
}

Bytes encode_as_planes(const Job& job, DType dtype, std::span<const std::uint8_t> words) {
  const WordLayout layout = plane_layout(dtype);
  Bytes out(1 + encoded_bound(words.size() / layout.bytes, layout.bytes));
  out[0] = kPlanes;
  out.resize(1 + encode_words(job, layout, words, std::span(out).subspan(1)));
  return out;
}

// zstd is slow, and wins only where numbers repeat: where two samples say so.
constexpr std::size_t kSampleNumbers = std::size_t{1} << 14;

bool planes_may_win(const Job& job, DType dtype, std::span<const std::uint8_t> words, std::size_t by_lanes) {
  const std::size_t sample = kSampleNumbers * dtype_bytes(dtype);
  if (words.size() <= sample || by_lanes >= words.size()) return true;
  const double share = static_cast<double>(by_lanes) / static_cast<double>(words.size());
  for (const std::size_t quarter : {1, 3}) {
    const std::size_t begin = words.size() / 4 * quarter / dtype_bytes(dtype) * dtype_bytes(dtype);
    const auto part = words.subspan(std::min(begin, words.size() - sample), sample);
    if (static_cast<double>(encode_as_planes(job, dtype, part).size()) < share * static_cast<double>(sample)) {
      return true;
    }
  }
  return false;
}

Bytes encode_piece(const Job& job, DType dtype, const Piece& piece, std::span<const std::uint8_t> words) {
  const bool finite = with_dtype(dtype, [&]<DType D>() { return all_finite<D>(words); });
  if (!finite) return encode_as_planes(job, dtype, words);
  Bytes by_lanes = encode_as_lanes(job, dtype, piece, words);
  if (!planes_may_win(job, dtype, words, by_lanes.size())) return by_lanes;
  Bytes by_planes = encode_as_planes(job, dtype, words);
  return by_planes.size() < by_lanes.size() ? by_planes : by_lanes;
}

void decode_as_lanes(const Job& job, DType dtype, const Piece& piece, bool even, std::span<const std::uint8_t> data,
                     std::uint8_t* words) {
  if (data.empty() || data[0] > mantissa_bits(dtype)) corrupt("a piece of numbers has no such shift");
  const RootRows rows(dtype, piece, data[0], even, words);
  data = data.subspan(1);
  const LaneLevels levels = rows.levels();
  std::vector<std::uint64_t> sizes(levels.sections());
  for (std::size_t strip = 0; strip < levels.strips; ++strip) sizes[2 * strip + 1] = take_leb128(data);
  decode_lanes(job, rows.lanes(), levels, 0, data, sizes);
}

void decode_piece(const Job& job, DType dtype, const Piece& piece, std::span<const std::uint8_t> data,
                  std::span<std::uint8_t> words) {
  const auto body = data.subspan(1);
  const std::uint8_t method = data[0];
  if (method == kLanes || method == kEvenLanes) {
    return decode_as_lanes(job, dtype, piece, method == kEvenLanes, body, words.data());
  }
  if (method != kPlanes) corrupt("a piece of numbers uses an unknown method");
  if (decode_words(job, plane_layout(dtype), body, words) != body.size()) corrupt("a piece of numbers is too long");
}

}  // namespace

std::size_t encoded_numbers_bound(const NumberArray& array, std::size_t count) {
  const Pieces pieces(array, count);
  const std::size_t word_bytes = dtype_bytes(array.dtype);
  // Blocks of words begin anew with every piece.
  const std::size_t headers = checked_mul(pieces.size(), 16 + encoded_bound(1, word_bytes));
  const std::size_t bytes = encoded_bound(count, word_bytes);
  if (bytes > SIZE_MAX - headers) throw std::length_error("too many numbers");
  return bytes + headers;
}

std::size_t encode_numbers(const Job& job, const NumberArray& array, std::span<const std::uint8_t> words,
                           std::span<std::uint8_t> out) {
  const Pieces pieces(array, whole_numbers(array, words.size()));
  const std::size_t word_bytes = dtype_bytes(array.dtype);
  std::vector<Bytes> coded(pieces.size());
  parallel_for(job, pieces.size(), 1, [&](std::size_t i, std::size_t) {
    const Piece piece = pieces[i];
    const auto part = words.subspan(piece.begin * word_bytes, piece.count() * word_bytes);
    coded[i] = encode_piece(job.part(), array.dtype, piece, part);
  });
  std::size_t used = 0;
  const auto append = [&](const Bytes& bytes) {
    if (bytes.size() > out.size() - used) throw std::invalid_argument("the output is smaller than its bound");
    std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(used));
    used += bytes.size();
  };
  for (const Bytes& piece : coded) {
    Bytes length;
    put_leb128(piece.size(), length);
    append(length);
    append(piece);
  }
  return used;
}

std::size_t decode_numbers(const Job& job, const NumberArray& array, std::span<const std::uint8_t> data,
                           std::span<std::uint8_t> words) {
  const std::size_t size = data.size();
  const Pieces pieces(array, whole_numbers(array, words.size()));
  const std::size_t word_bytes = dtype_bytes(array.dtype);
  std::vector<std::span<const std::uint8_t>> parts;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::uint64_t length = take_leb128(data);
    if (length == 0 || length > data.size()) corrupt("a piece of numbers is not there as a whole");
    parts.push_back(data.first(length));
    data = data.subspan(length);
  }
  parallel_for(job, pieces.size(), 1, [&](std::size_t i, std::size_t) {
    const Piece piece = pieces[i];
    decode_piece(job.part(), array.dtype, piece, parts[i],
                 words.subspan(piece.begin * word_bytes, piece.count() * word_bytes));
  });
  return size - data.size();
}

}  // namespace herm
