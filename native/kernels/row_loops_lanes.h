// The loops of row_loops.cc, which each_cpu.h compiles. No include guard.
namespace herm::HERM_SIMD {

namespace {

// As many partial sums on every CPU, so that their total is the same.
constexpr std::size_t kSums = 16;
constexpr std::size_t kNormSums = 8;

template <std::size_t kCount>
HERM_INLINE double total(const double (&sums)[kCount]) {
  double all = 0;
  for (std::size_t l = 0; l < kCount; ++l) all += sums[l];
  return all;
}

// The sum of term(c) for c < n, in kCount partial sums; terms touch nothing of each other's.
template <std::size_t kCount, class Term>
HERM_INLINE double sum_of(std::size_t n, const Term& term) {
  double sums[kCount] = {};
  std::size_t c = 0;
  for (; c + kCount <= n; c += kCount) {
#pragma GCC ivdep
    for (std::size_t l = 0; l < kCount; ++l) sums[l] += term(c + l);
  }
  for (; c < n; ++c) sums[c % kCount] += term(c);
  return total(sums);
}

HERM_INLINE double widened(float x) { return static_cast<double>(x); }

}  // namespace

double dot_rows(const float* x, const float* y, std::size_t n) {
  return sum_of<kSums>(n, [&](std::size_t c) { return widened(x[c]) * widened(y[c]); });
}

void widen_floats(const void* from, std::size_t n, double* to) {
  for (std::size_t c = 0; c < n; ++c)
    to[c] = widened(load_lanes<float>(static_cast<const std::uint8_t*>(from) + c * sizeof(float)));
}

double squared_length(const double* x, std::size_t n) {
  return sum_of<kNormSums>(n, [&](std::size_t c) { return x[c] * x[c]; });
}

double narrow_row(const double* from, double x, double y, std::size_t n, float* to) {
  return sum_of<kSums>(n, [&](std::size_t c) {
    to[c] = static_cast<float>(from[c] * x * y);
    return widened(to[c]) * widened(to[c]);
  });
}

double mix_rows(const float* from, double x, const float* with, double y, std::size_t n, float* to) {
  return sum_of<kSums>(n, [&](std::size_t c) {
    to[c] = static_cast<float>(x * widened(from[c]) + y * widened(with[c]));
    return widened(to[c]) * widened(to[c]);
  });
}

}  // namespace herm::HERM_SIMD
