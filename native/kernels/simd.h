// Elementwise loops in vector registers, for the baseline CPU and, chosen at run time, for AVX2. Both give the same
// bits: each element goes through the same IEEE operations, and -ffp-contract=off keeps them from being fused. Sums
// across elements need lanes of their own, as many for every CPU.
#pragma once

#include <cstddef>
#include <cstring>

// Vectors are passed and returned only by functions that are always inlined: no calling convention is involved.
#pragma GCC diagnostic ignored "-Wpsabi"

#define HERM_INLINE inline __attribute__((always_inline))
#define HERM_INLINED __attribute__((always_inline))  // of a lambda

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

// The same for floats.
template <std::size_t Width>
struct FloatVectorOf {
  typedef float type __attribute__((vector_size(Width * sizeof(float))));
};
template <>
struct FloatVectorOf<1> {
  using type = float;
};

// Any alignment.
template <class T, class E>
inline __attribute__((always_inline)) T load_lanes(const E* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T, class E>
inline __attribute__((always_inline)) void store_lanes(const T& value, E* to) {
  std::memcpy(to, &value, sizeof(T));
}

constexpr std::size_t kBaselineWidth = 2;  // SSE2, NEON

#if defined(__x86_64__)
#define HERM_TARGETS  // functions can be compiled for more than one kind of CPU
constexpr std::size_t kWideWidth = 4;
#define HERM_WIDE __attribute__((target("avx2")))
inline bool use_wide() {
  static const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return supported;
}
inline bool use_widest() {
  static const bool supported = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  return supported;
}
#else
constexpr std::size_t kWideWidth = kBaselineWidth;
#define HERM_WIDE
inline bool use_wide() { return false; }
inline bool use_widest() { return false; }
#endif

}  // namespace herm
