// What this binary was built from and which OpenBLAS it runs on; goes into reports and benchmarks.
#pragma once

#include <string>

namespace herm {

// How OpenBLAS runs its own threads. The sequential build is not safe under concurrent calls.
enum class BlasParallel { sequential = 0, pthread = 1, openmp = 2 };

struct BuildInfo {
  std::string blas_config;     // OpenBLAS version and options, e.g. "OpenBLAS 0.3.21 DYNAMIC_ARCH MAX_THREADS=64"
  std::string blas_core;       // the CPU kernel set OpenBLAS chose at run time, e.g. "Haswell"
  BlasParallel blas_parallel;  // the library found at run time, not the one linked against
  std::string compiler;        // e.g. "gcc 12.2.0"
};

BuildInfo build_info();

const char* blas_parallel_name(BlasParallel parallel);

}  // namespace herm
