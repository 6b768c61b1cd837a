// Fuzz targets: each takes any bytes, and throws Broken where a decoder does not do what it promises. Each has a folder
// of its name in corpus/, which scripts/checks/fuzz.mjs starts from and the native tests run through.
#pragma once

#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <stdexcept>

#include "kernels/error.h"

namespace herm::fuzz {

using Input = std::span<const std::uint8_t>;

void hierarchy(Input input);
void lanes(Input input);
void numbers(Input input);
void planes(Input input);
void rans(Input input);

struct Target {
  const char* name;
  void (*run)(Input);
};
inline constexpr Target kTargets[] = {
    {"hierarchy", hierarchy}, {"lanes", lanes}, {"numbers", numbers}, {"planes", planes}, {"rans", rans}};

class Broken : public std::exception {
 public:
  explicit Broken(const char* what) : what_(what) {}
  const char* what() const noexcept override { return what_; }

 private:
  const char* what_;  // a string literal
};

inline void require(bool holds, const char* what) {
  if (!holds) throw Broken(what);
}

// Whether `decode` returns. What it is given may be refused, and in no other way than these.
template <class Fn>
bool returns(Fn&& decode) {
  try {
    decode();
    return true;
  } catch (const KernelError& error) {
    require(std::strcmp(error.code(), "HERM_CORRUPT") == 0, "damaged data is called something else");
  } catch (const std::invalid_argument&) {
  }
  return false;
}

}  // namespace herm::fuzz
