// LEB128: unsigned numbers, seven bits a byte, the lowest first; the top bit of a byte says that more follow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/error.h"

namespace herm {

inline void put_leb128(std::uint64_t value, std::vector<std::uint8_t>& out) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 128));
  out.push_back(static_cast<std::uint8_t>(value));
}

// Takes a number of at most 63 bits off the beginning of `data`. KernelError HERM_CORRUPT
inline std::uint64_t take_leb128(std::span<const std::uint8_t>& data) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    if (data.empty()) break;
    const std::uint8_t next = data[0];
    data = data.subspan(1);
    value |= std::uint64_t{next & 127u} << shift;
    if (next < 128) return value;
  }
  throw KernelError("HERM_CORRUPT", "a length does not end");
}

}  // namespace herm
