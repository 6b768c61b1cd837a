// libFuzzer's way into one target.
#include <cstddef>
#include <cstdint>

#include "targets.h"

// The linker must find it.
extern "C" __attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                                                             std::size_t size) {
  herm::fuzz::HERM_FUZZ_TARGET({data, size});
  return 0;
}
