#include "kernels/series_kernel.h"

#include "kernels/kernel_tail.h"
#include "kernels/simd.h"

namespace herm {

namespace {

// `Count` vectors at a time: independent sums hide the latency of each one's chain of multiplications and additions.
template <std::size_t Width, std::size_t Count>
inline __attribute__((always_inline)) void block(const SeriesKernel& task, const double* gram, std::size_t j,
                                                 double* rho, double* out) {
  using T = typename VectorOf<Width>::type;
  const T zero = T{}, one = zero + 1.0;
  T r[Count], sum[Count];
  for (std::size_t u = 0; u < Count; ++u) {
    const std::size_t at = j + u * Width;
    const T product = task.dev * load_lanes<T>(&task.devs[at]);
    T value = product > zero ? load_lanes<T>(&gram[at]) / product : zero;
    value = value < one ? value : one;
    r[u] = value > -one ? value : -one;
    store_lanes(r[u], &rho[at]);
    sum[u] = zero;
  }
  for (std::size_t k = task.degree + 1; k-- > 0;) {
    const double* other = &task.series[k * task.stride + j];
    const double own = task.c[k];
#pragma GCC unroll 8
    for (std::size_t u = 0; u < Count; ++u) sum[u] = sum[u] * r[u] + own * load_lanes<T>(&other[u * Width]);
  }
  for (std::size_t u = 0; u < Count; ++u) {
    const std::size_t at = j + u * Width;
    const T even = task.even_tail * load_lanes<T>(&task.even_tails[at]);
    const T odd = task.odd_tail * load_lanes<T>(&task.odd_tails[at]);
    store_lanes(T(sum[u] + kernel_tail(even, odd, r[u], odd_power(r[u], task.degree + 1))), &out[at]);
  }
}

template <std::size_t Width>
inline __attribute__((always_inline)) void sweep(const SeriesKernel& task, const double* gram, std::size_t count,
                                                 double* rho, double* out) {
  constexpr std::size_t kUnrolled = 4;
  std::size_t j = 0;
  for (; j + kUnrolled * Width <= count; j += kUnrolled * Width) block<Width, kUnrolled>(task, gram, j, rho, out);
  for (; j + Width <= count; j += Width) block<Width, 1>(task, gram, j, rho, out);
  for (; j < count; ++j) block<1, 1>(task, gram, j, rho, out);
}

HERM_WIDE void sweep_wide(const SeriesKernel& task, const double* gram, std::size_t count, double* rho, double* out) {
  sweep<kWideWidth>(task, gram, count, rho, out);
}

}  // namespace

void series_kernel(const SeriesKernel& task, const double* gram, std::size_t count, double* rho, double* out) {
  if (use_wide()) {
    sweep_wide(task, gram, count, rho, out);
  } else {
    sweep<kBaselineWidth>(task, gram, count, rho, out);
  }
}

}  // namespace herm
