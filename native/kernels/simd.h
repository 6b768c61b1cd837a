// Elementwise loops in vector registers, for the baseline CPU and, chosen at run time, for AVX2. Both give the same
// bits: each element goes through the same IEEE operations, and -ffp-contract=off keeps them from being fused. Sums
// across elements need lanes of their own, as many for every CPU.
#pragma once

#include <cstddef>
#include <cstring>

// Vectors are passed and returned only by functions that are always inlined: no calling convention is involved.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace herm {

// `Width` doubles that are added and multiplied as one.
template <std::size_t Width>
struct VectorOf {
  typedef double type __attribute__((vector_size(Width * sizeof(double))));
};
template <>
struct VectorOf<1> {
  using type = double;
};

// Any alignment.
template <class T>
inline __attribute__((always_inline)) T load_lanes(const double* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
inline __attribute__((always_inline)) void store_lanes(const T& value, double* to) {
  std::memcpy(to, &value, sizeof(T));
}

constexpr std::size_t kBaselineWidth = 2;  // SSE2, NEON

#if defined(__x86_64__)
constexpr std::size_t kWideWidth = 4;
#define HERM_WIDE __attribute__((target("avx2")))
inline bool use_wide() {
  static const bool supported = __builtin_cpu_supports("avx2");
  return supported;
}
#else
constexpr std::size_t kWideWidth = kBaselineWidth;
#define HERM_WIDE
inline bool use_wide() { return false; }
#endif

}  // namespace herm
