// Compiles the loops of a file once for every kind of CPU, in the namespaces baseline, wide (AVX2) and widest
// (AVX-512), with registers of HERM_SIMD_BYTES: the compiler splits vectors into what the function that they are
// written in may use, so each kind needs functions of its own. No include guard; include it outside of all namespaces
// after
//   #define HERM_LOOPS "kernels/x_lanes.h"   the loops, in namespace herm::HERM_SIMD
//   #define HERM_FUSED                       if products may be fused with sums, where results may differ between CPUs
// and choose at run time with for_this_cpu (simd.h).
#define HERM_SIMD baseline
#define HERM_SIMD_BYTES 16
#include HERM_LOOPS
#undef HERM_SIMD
#undef HERM_SIMD_BYTES

#if defined(HERM_TARGETS)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#if defined(HERM_FUSED)
#pragma GCC optimize("fp-contract=fast")
#endif
#define HERM_SIMD wide
#define HERM_SIMD_BYTES 32
#include HERM_LOOPS
#undef HERM_SIMD
#undef HERM_SIMD_BYTES
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")
#if defined(HERM_FUSED)
#pragma GCC optimize("fp-contract=fast")
#endif
#define HERM_SIMD widest
#define HERM_SIMD_BYTES 64
#include HERM_LOOPS
#undef HERM_SIMD
#undef HERM_SIMD_BYTES
#pragma GCC pop_options
#endif

#undef HERM_LOOPS
#undef HERM_FUSED
