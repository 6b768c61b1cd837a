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

HERM_INLINE double widened(float x) { return static_cast<double>(x); }

}  // namespace

double dot_rows(const float* x, const float* y, std::size_t n) {
  double sums[kSums] = {};
  std::size_t c = 0;
  for (; c + kSums <= n; c += kSums)
    for (std::size_t l = 0; l < kSums; ++l) sums[l] += widened(x[c + l]) * widened(y[c + l]);
  for (; c < n; ++c) sums[c % kSums] += widened(x[c]) * widened(y[c]);
  return total(sums);
}

void widen_floats(const void* from, std::size_t n, double* to) {
  for (std::size_t c = 0; c < n; ++c)
    to[c] = widened(load_lanes<float>(static_cast<const std::uint8_t*>(from) + c * sizeof(float)));
}

double squared_length(const double* x, std::size_t n) {
  double sums[kNormSums] = {};
  std::size_t c = 0;
  for (; c + kNormSums <= n; c += kNormSums)
    for (std::size_t l = 0; l < kNormSums; ++l) sums[l] += x[c + l] * x[c + l];
  for (; c < n; ++c) sums[c % kNormSums] += x[c] * x[c];
  return total(sums);
}

double narrow_row(const double* from, double x, double y, std::size_t n, float* to) {
  double sums[kSums] = {};
  const auto narrow = [&](std::size_t c) {
    to[c] = static_cast<float>(from[c] * x * y);
    return widened(to[c]) * widened(to[c]);
  };
  std::size_t c = 0;
  for (; c + kSums <= n; c += kSums) {
#pragma GCC ivdep
    for (std::size_t l = 0; l < kSums; ++l) sums[l] += narrow(c + l);
  }
  for (; c < n; ++c) sums[c % kSums] += narrow(c);
  return total(sums);
}

double mix_rows(const float* from, double x, const float* with, double y, std::size_t n, float* to) {
  double sums[kSums] = {};
  const auto mix = [&](std::size_t c) {
    to[c] = static_cast<float>(x * widened(from[c]) + y * widened(with[c]));
    return widened(to[c]) * widened(to[c]);
  };
  std::size_t c = 0;
  for (; c + kSums <= n; c += kSums) {
#pragma GCC ivdep
    for (std::size_t l = 0; l < kSums; ++l) sums[l] += mix(c + l);
  }
  for (; c < n; ++c) sums[c % kSums] += mix(c);
  return total(sums);
}

}  // namespace herm::HERM_SIMD
