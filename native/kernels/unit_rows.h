// The vectors of living neurons on one side of a block, scaled to length 1: what Gram matrices of correlations are made
// of, and where a pair is looked up again in double precision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/input_prior.h"
#include "kernels/job.h"
#include "kernels/large_array.h"
#include "kernels/unit_row.h"

namespace herm {

// Rows of a stored matrix, neurons as rows, some at a time in double; input weights as they are where their prior is
// N(0, I).
class RowReader {
 public:
  RowReader(const Job& job, const StoredMatrix& stored, const InputPrior& prior = {});

  std::size_t rows() const { return stored_.neurons(); }
  std::size_t width() const { return stored_.width(); }
  // Those from `begin` to `end`, or in this list: out [rows×width].
  void read(std::size_t begin, std::size_t end, MutMatrix out) const;
  void read(std::span<const std::uint32_t> rows, MutMatrix out) const;
  // ‖row‖ of every row.
  std::vector<RowNorm> norms(const Job& job) const;
  // What the prior's mean adds to the bias of every row.
  std::vector<double> shifts(const Job& job) const;

 private:
  void read_stored(std::size_t row, double* out) const;

  StoredMatrix stored_;
  InputPrior prior_;
  std::optional<LargeArray> lanes_;  // the bytes of a transposed copy, where the file has neurons as columns
};

// Where the vectors of `capacity` positions are.
struct RowRoom {
  std::size_t capacity;
  bool in_order;  // a row of memory for every position, so that view() shows them all; otherwise a combination takes
                  // the memory of its first row
};

// Rows keep their position until compact().
class UnitRows {
 public:
  // Row p becomes row order[p] of the source, which has these norms.
  UnitRows(const Job& job, const RowReader& source, const std::vector<RowNorm>& norms,
           const std::vector<std::uint32_t>& order, RowRoom room);

  std::size_t width() const { return width_; }
  // Once rows have been combined: of rows in order only.
  MatrixView<const float> view() const { return {values_.data(), size_, width_}; }

  // The correlation of rows a and b in double precision; 0 where one of them is zero.
  double correlation(std::size_t a, std::size_t b) const { return correlation(a, *this, b); }
  double correlation(std::size_t a, const UnitRows& other, std::size_t b) const;

  // Adds rows, each to be set once, from any thread.
  void grow(std::size_t count) { size_ += count; }
  // Row p := the direction of x·row a + y·row b, whose length is about 1.
  void combine(std::size_t p, std::size_t a, double x, std::size_t b, double y);
  // Keeps only the listed rows, in ascending order.
  void compact(const std::vector<std::uint32_t>& kept);

 private:
  float* row(std::size_t i) { return values_.data() + place_[i] * width_; }
  const float* row(std::size_t i) const { return values_.data() + place_[i] * width_; }
  void set_norm(std::size_t p, double squared);

  std::size_t width_;
  std::size_t size_;
  bool in_order_;
  std::vector<std::uint32_t> place_;  // of a position's row in memory
  LargeArray values_;                 // [places×width]
  std::vector<double> inverse_norm_;  // of the rows as rounded to float: 1 up to 1e-7; 0 for zero rows
};

}  // namespace herm
