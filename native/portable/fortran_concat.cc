// The one routine of Fortran's run-time library that LAPACK needs, after the interface of GCC 8 and later. With it a
// portable binary contains neither libgfortran nor libquadmath, which is under the LGPL.
#include <algorithm>
#include <cstddef>
#include <cstring>

extern "C" void _gfortran_concat_string(std::size_t target_size, char* target,
                                        std::size_t first_size,  // NOLINT(bugprone-reserved-identifier)
                                        const char* first, std::size_t second_size, const char* second) {
  const std::size_t from_first = std::min(first_size, target_size);
  const std::size_t from_second = std::min(second_size, target_size - from_first);
  const std::size_t filled = from_first + from_second;
  std::memcpy(target, first, from_first);
  std::memcpy(target + from_first, second, from_second);
  std::memset(target + filled, ' ', target_size - filled);  // Fortran's strings have no end but their length
}
