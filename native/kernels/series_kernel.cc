#include "kernels/series_kernel.h"

#include "kernels/kernel_tail.h"
#include "kernels/simd.h"

#define HERM_SIMD baseline
#define HERM_SIMD_WIDTH 2
#include "kernels/series_kernel_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH

#if defined(HERM_TARGETS)
#pragma GCC push_options
#pragma GCC target("avx2")
#define HERM_SIMD wide
#define HERM_SIMD_WIDTH 4
#include "kernels/series_kernel_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512")
#define HERM_SIMD widest
#define HERM_SIMD_WIDTH 8
#include "kernels/series_kernel_lanes.h"
#undef HERM_SIMD
#undef HERM_SIMD_WIDTH
#pragma GCC pop_options
#endif

namespace herm {

void series_kernel(const SeriesKernel& task, const double* gram, std::size_t count, double* rho, double* out) {
#if defined(HERM_TARGETS)
  if (use_widest()) return widest::series_kernel(task, gram, count, rho, out);
  if (use_wide()) return wide::series_kernel(task, gram, count, rho, out);
#endif
  baseline::series_kernel(task, gram, count, rho, out);
}

}  // namespace herm
