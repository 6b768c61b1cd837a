// The loop of series_kernel.cc, which each_cpu.h compiles. No include guard.
namespace herm::HERM_SIMD {

namespace {

constexpr std::size_t kWidth = HERM_SIMD_BYTES / sizeof(double);

template <class T>
constexpr std::size_t kLanesOf = kWidth;
template <>
constexpr std::size_t kLanesOf<double> = 1;

// `Count` vectors at a time: independent sums hide the latency of each one's chain of multiplications and additions.
template <class T, std::size_t Count>
HERM_INLINE void block(const SeriesKernel& task, const double* gram, std::size_t j, double* rho, double* out) {
  const T zero = T{}, one = zero + 1.0;
  T r[Count], sum[Count];
  for (std::size_t u = 0; u < Count; ++u) {
    const std::size_t at = j + u * kLanesOf<T>;
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
    for (std::size_t u = 0; u < Count; ++u) sum[u] = sum[u] * r[u] + own * load_lanes<T>(&other[u * kLanesOf<T>]);
  }
  for (std::size_t u = 0; u < Count; ++u) {
    const std::size_t at = j + u * kLanesOf<T>;
    const T even = task.even_tail * load_lanes<T>(&task.even_tails[at]);
    const T odd = task.odd_tail * load_lanes<T>(&task.odd_tails[at]);
    // odd_power and kernel_tail
    T power = r[u], square = r[u] * r[u];
    for (std::size_t e = (task.degree + 1) / 2; e > 0; e /= 2) {
      if (e & 1) power *= square;
      square *= square;
    }
    const T y = power * r[u];
    const T tail = power * (even * r[u] + odd) * (kTailFirst + y * (kTailSecond + y * y * kTailFourth));
    store_lanes(T(sum[u] + tail), &out[at]);
  }
}

}  // namespace

void series_kernel(const SeriesKernel& task, const double* gram, std::size_t count, double* rho, double* out) {
  using Lanes = typename VectorOf<kWidth>::type;
  constexpr std::size_t kUnrolled = 4;
  std::size_t j = 0;
  for (; j + kUnrolled * kWidth <= count; j += kUnrolled * kWidth) block<Lanes, kUnrolled>(task, gram, j, rho, out);
  for (; j + kWidth <= count; j += kWidth) block<Lanes, 1>(task, gram, j, rho, out);
  for (; j < count; ++j) block<double, 1>(task, gram, j, rho, out);
}

}  // namespace herm::HERM_SIMD
