#include "kernels/build_info.h"

#include "kernels/blas.h"

namespace herm {

namespace {

std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

// OpenBLAS pads its strings with blanks.
std::string trimmed(const char* text) {
  std::string result(text == nullptr ? "" : text);
  const auto last = result.find_last_not_of(' ');
  result.erase(last == std::string::npos ? 0 : last + 1);
  return result;
}

}  // namespace

BuildInfo build_info() {
  return BuildInfo{
      .blas_config = trimmed(openblas_get_config()),
      .blas_core = trimmed(openblas_get_corename()),
      .blas_parallel = static_cast<BlasParallel>(openblas_get_parallel()),
      .compiler = compiler_name(),
  };
}

const char* blas_parallel_name(BlasParallel parallel) {
  switch (parallel) {
    case BlasParallel::sequential:
      return "sequential";
    case BlasParallel::pthread:
      return "pthread";
    case BlasParallel::openmp:
      return "openmp";
  }
  return "unknown";
}

}  // namespace herm
