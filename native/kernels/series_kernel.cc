#include "kernels/series_kernel.h"

#include "kernels/kernel_tail.h"
#include "kernels/simd.h"

#define HERM_LOOPS "kernels/series_kernel_lanes.h"
#include "kernels/each_cpu.h"

namespace herm {

void series_kernel(const SeriesKernel& task, const double* gram, std::size_t count, double* rho, double* out) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::series_kernel(task, gram, count, rho, out);
  if (use_wide()) return wide::series_kernel(task, gram, count, rho, out);
#endif
  baseline::series_kernel(task, gram, count, rho, out);
}

}  // namespace herm
