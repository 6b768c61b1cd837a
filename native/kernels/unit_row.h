// Rows scaled to length 1 without overflow or underflow on the way, whatever their scale.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "kernels/row_loops.h"

namespace herm {

// ‖row‖ = mantissa · 2^exponent; mantissa 0 for a zero row.
struct RowNorm {
  double mantissa = 0;
  int exponent = 0;

  // x · ‖row‖, with one rounding into the range of double precision at the end.
  double times(double x) const { return std::ldexp(x * mantissa, exponent); }
};

inline double largest_magnitude(const double* row, std::size_t n) {
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(row[i]));
  return largest;
}

// out = row·2^−exponent [n], of largest magnitude in [1, 2); exact but for what is denormal then. False, and zeros, for
// a zero row.
inline bool scale_row(const double* row, std::size_t n, double* out, int& exponent) {
  const double largest = largest_magnitude(row, n);
  if (!(largest > 0)) {
    std::fill_n(out, n, 0.0);
    return false;
  }
  // In two steps: 2^−exponent itself is out of range for denormal rows.
  exponent = std::ilogb(largest);
  const int half = -exponent / 2;
  const double scale1 = std::ldexp(1.0, half), scale2 = std::ldexp(1.0, -exponent - half);
  for (std::size_t i = 0; i < n; ++i) out[i] = row[i] * scale1 * scale2;
  return true;
}

// out = row/‖row‖ [n], zero for a zero row.
inline RowNorm unit_row(const double* row, std::size_t n, double* out) {
  RowNorm result;
  if (!scale_row(row, n, out, result.exponent)) return result;
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += out[i] * out[i];
  result.mantissa = std::sqrt(sum);
  const double inverse = 1 / result.mantissa;
  for (std::size_t i = 0; i < n; ++i) out[i] *= inverse;
  return result;
}

// ‖row‖ alone.
inline RowNorm row_norm(const double* row, std::size_t n) {
  double sum = squared_length(row, n);
  // Squares in the middle of the range of double precision lose nothing.
  if (sum > 1e-200 && sum < 1e200) return {std::sqrt(sum), 0};
  const double largest = largest_magnitude(row, n);
  if (!(largest > 0)) return {};
  const int exponent = std::ilogb(largest), half = -exponent / 2;
  const double scale1 = std::ldexp(1.0, half), scale2 = std::ldexp(1.0, -exponent - half);
  sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double scaled = row[i] * scale1 * scale2;
    sum += scaled * scaled;
  }
  return {std::sqrt(sum), exponent};
}

}  // namespace herm
