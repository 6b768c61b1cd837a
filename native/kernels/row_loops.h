// Sums and combinations of rows, stored in single precision, in double precision; the same bits on every CPU.
#pragma once

#include <cstddef>

namespace herm {

// Σ x_c y_c
double dot_rows(const float* x, const float* y, std::size_t n);
// to := x·from + y·with, where `to` may be one of both, and Σ to_c² of the numbers as rounded.
double mix_rows(const float* from, double x, const float* with, double y, std::size_t n, float* to);

// to := from [n], floats anywhere in memory.
void widen_floats(const void* from, std::size_t n, double* to);
// Σ x_c²
double squared_length(const double* x, std::size_t n);
// to := x·y·from, in this order, and Σ to_c² of the numbers as rounded.
double narrow_row(const double* from, double x, double y, std::size_t n, float* to);

}  // namespace herm
