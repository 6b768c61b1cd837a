// What Node for musl asks of newer libraries than Debian 12's: of libstdc++ 13 one function, and two names of libgcc's
// that musl's loader looks for elsewhere.
#include <cstddef>
#include <cstring>
#include <string>

// std::string::_M_replace_cold: `size` characters at `at` become others, which may overlap them; `tail` ones follow.
extern "C" void replace_cold(
    void* /*string*/, char* at, std::size_t size, const char* by, std::size_t by_size,
    std::size_t tail) __asm__("_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm");

extern "C" void replace_cold(void* /*string*/, char* at, std::size_t size, const char* by, std::size_t by_size,
                             std::size_t tail) {
  const std::string copy(by, by_size);
  std::memmove(at + by_size, at + size, tail);
  std::memcpy(at, copy.data(), by_size);
}

extern "C" {
char __cpu_model[64];                     // NOLINT(bugprone-reserved-identifier)
int __cpu_indicator_init() { return 0; }  // NOLINT(bugprone-reserved-identifier)
}
