// The only place where BLAS and LAPACK are declared. Kernels include this file and no other BLAS header.
#pragma once

#include <cblas.h>
#include <lapacke.h>

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>

// OpenBLAS's own controls. Some cblas.h versions declare them, some only in openblas_config.h's company:
// repeating a C declaration is harmless. The thread count is process-wide.
extern "C" {
void openblas_set_num_threads(int num_threads);
int openblas_get_num_threads(void);
int openblas_get_parallel(void);
char* openblas_get_config(void);
char* openblas_get_corename(void);
}

namespace herm {

// BLAS and LAPACK are linked with 32-bit dimensions: a size that does not fit is refused, never wrapped.
// Throws std::length_error naming the dimension.
inline lapack_int blas_dim(std::size_t size, const char* name) {
  if (size > static_cast<std::size_t>(std::numeric_limits<lapack_int>::max())) {
    throw std::length_error(std::string(name) + " = " + std::to_string(size) +
                            " is too large for BLAS and LAPACK (32-bit dimensions)");
  }
  return static_cast<lapack_int>(size);
}

}  // namespace herm
