#include "kernels/row_loops.h"

#include <cstdint>

#include "kernels/simd.h"

#define HERM_LOOPS "kernels/row_loops_lanes.h"
#include "kernels/each_cpu.h"

namespace herm {

double dot_rows(const float* x, const float* y, std::size_t n) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::dot_rows(x, y, n);
  if (use_wide()) return wide::dot_rows(x, y, n);
#endif
  return baseline::dot_rows(x, y, n);
}

double mix_rows(const float* from, double x, const float* with, double y, std::size_t n, float* to) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::mix_rows(from, x, with, y, n, to);
  if (use_wide()) return wide::mix_rows(from, x, with, y, n, to);
#endif
  return baseline::mix_rows(from, x, with, y, n, to);
}

void widen_floats(const void* from, std::size_t n, double* to) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::widen_floats(from, n, to);
  if (use_wide()) return wide::widen_floats(from, n, to);
#endif
  baseline::widen_floats(from, n, to);
}

double squared_length(const double* x, std::size_t n) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::squared_length(x, n);
  if (use_wide()) return wide::squared_length(x, n);
#endif
  return baseline::squared_length(x, n);
}

double narrow_row(const double* from, double x, double y, std::size_t n, float* to) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::narrow_row(from, x, y, n, to);
  if (use_wide()) return wide::narrow_row(from, x, y, n, to);
#endif
  return baseline::narrow_row(from, x, y, n, to);
}

}  // namespace herm
