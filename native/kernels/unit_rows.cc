#include "kernels/unit_rows.h"

#include <cmath>
#include <numeric>

#include "kernels/lane_copy.h"
#include "kernels/row_loops.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 32;  // rows that a thread takes at a time

}  // namespace

RowReader::RowReader(const Job& job, const StoredMatrix& stored, const InputPrior& prior)
    : stored_(stored), prior_(prior) {
  if (!stored.transposed) return;
  const std::size_t bytes = checked_mul(checked_mul(stored.rows, stored.cols), dtype_bytes(stored.dtype));
  lanes_.emplace(bytes / sizeof(float) + 1);  // the threads that fill it touch it first
  load_lanes(job, stored, reinterpret_cast<std::uint8_t*>(lanes_->data()));
}

void RowReader::read(std::size_t begin, std::size_t end, MutMatrix out) const {
  for (std::size_t i = begin; i < end; ++i) read_stored(i, out.row(i - begin));
  prior_.rescale(out);
}

void RowReader::read(std::span<const std::uint32_t> rows, MutMatrix out) const {
  for (std::size_t i = 0; i < rows.size(); ++i) read_stored(rows[i], out.row(i));
  prior_.rescale(out);
}

void RowReader::read_stored(std::size_t row, double* out) const {
  const void* bytes = lanes_ ? lanes_->data() : stored_.bytes;
  const std::size_t row_bytes = width() * dtype_bytes(stored_.dtype);
  widen(stored_.dtype, static_cast<const char*>(bytes) + row * row_bytes, width(), out);
}

std::vector<RowNorm> RowReader::norms(const Job& job) const {
  std::vector<RowNorm> norms(rows());
  parallel_for(job, rows(), kRows, [&](std::size_t begin, std::size_t end) {
    Matrix wide(end - begin, width());
    read(begin, end, wide.view());
    for (std::size_t i = begin; i < end; ++i) norms[i] = row_norm(wide.view().row(i - begin), width());
  });
  return norms;
}

std::vector<double> RowReader::shifts(const Job& job) const {
  std::vector<double> shifts(rows());
  if (prior_.isotropic()) return shifts;
  parallel_for(job, rows(), kRows, [&](std::size_t begin, std::size_t end) {
    std::vector<double> row(width());
    for (std::size_t i = begin; i < end; ++i) {
      read_stored(i, row.data());
      shifts[i] = prior_.shift(row.data());
    }
  });
  return shifts;
}

UnitRows::UnitRows(const Job& job, const RowReader& source, const std::vector<RowNorm>& norms,
                   const std::vector<std::uint32_t>& order, RowRoom room)
    : width_(source.width()),
      size_(order.size()),
      in_order_(room.in_order),
      place_(room.capacity),
      values_(checked_mul(room.in_order ? room.capacity : order.size(), source.width())),
      inverse_norm_(room.capacity) {
  std::iota(place_.begin(), place_.end(), 0);
  parallel_for(job, size_, kRows, [&](std::size_t begin, std::size_t end) {
    Matrix wide(end - begin, width_);
    source.read(std::span(order).subspan(begin, end - begin), wide.view());
    for (std::size_t p = begin; p < end; ++p) {
      const RowNorm& norm = norms[order[p]];
      // In two steps: 2^−exponent itself is out of range for denormal rows.
      const int half = -norm.exponent / 2;
      const double scale1 = std::ldexp(1.0, half);
      const double scale2 = norm.mantissa > 0 ? std::ldexp(1 / norm.mantissa, -norm.exponent - half) : 0;
      set_norm(p, narrow_row(wide.view().row(p - begin), scale1, scale2, width_, row(p)));
    }
  });
}

void UnitRows::set_norm(std::size_t p, double squared) { inverse_norm_[p] = squared > 0 ? 1 / std::sqrt(squared) : 0; }

double UnitRows::correlation(std::size_t a, const UnitRows& other, std::size_t b) const {
  const double cosine = dot_rows(row(a), other.row(b), width_) * (inverse_norm_[a] * other.inverse_norm_[b]);
  // Rows that are equal to the bit, or opposite, are so exactly: six roundings of norms and products.
  constexpr double kEqual = 9e-16;
  if (cosine > 1 - kEqual) return 1;
  return cosine < kEqual - 1 ? -1 : cosine;
}

void UnitRows::combine(std::size_t p, std::size_t a, double x, std::size_t b, double y) {
  // Hardly ever: the coefficients of a direction are known up to rounding, unless the rows nearly cancel.
  constexpr double kOff = 1e-4, kCancelling = 1e6;
  x *= inverse_norm_[a];
  y *= inverse_norm_[b];
  if (const double larger = std::fmax(std::fabs(x), std::fabs(y)); larger > kCancelling) {
    x /= larger;
    y /= larger;
  }
  if (!in_order_) place_[p] = place_[a];
  double squared = mix_rows(row(a), x, row(b), y, width_, row(p));
  if (squared > 0 && std::fabs(squared - 1) > kOff) {
    squared = mix_rows(row(p), 1 / std::sqrt(squared), row(p), 0, width_, row(p));
  }
  set_norm(p, squared);
}

void UnitRows::compact(const std::vector<std::uint32_t>& kept) {
  for (std::size_t p = 0; p < kept.size(); ++p) {
    if (kept[p] == p) continue;
    if (in_order_) {
      std::copy_n(row(kept[p]), width_, row(p));
    } else {
      place_[p] = place_[kept[p]];
    }
    inverse_norm_[p] = inverse_norm_[kept[p]];
  }
  size_ = kept.size();
}

}  // namespace herm
