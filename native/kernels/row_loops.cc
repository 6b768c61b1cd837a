#include "kernels/row_loops.h"

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

}  // namespace herm
