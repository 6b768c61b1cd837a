// Choices that are all equally likely, however many there are: the highest 11 bits as a symbol, the others as they are.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/error.h"
#include "kernels/rans.h"
#include "kernels/simd.h"

namespace herm {

inline int uniform_low_bits(std::uint64_t count) {
  return std::max(0, static_cast<int>(std::bit_width(count - 1)) - 11);
}

// `index` < `count`.
template <class Encoder>
HERM_INLINE void put_uniform(Encoder& coder, unsigned state, std::uint64_t index, std::uint64_t count) {
  if (count == 1) return;
  const int low = uniform_low_bits(count);
  const auto choices = static_cast<std::uint32_t>(((count - 1) >> low) + 1);
  coder.put(state, uniform_share(static_cast<std::uint32_t>(index >> low), choices));
  coder.bits(index, low);
}

// `count` > 0. KernelError HERM_CORRUPT
template <class Decoder>
HERM_INLINE std::uint64_t get_uniform(Decoder& coder, unsigned state, std::uint64_t count) {
  if (count == 1) return 0;
  const int low = uniform_low_bits(count);
  const auto choices = static_cast<std::uint32_t>(((count - 1) >> low) + 1);
  const std::uint64_t high = coder.uniform(state, choices);
  const std::uint64_t index = high << low | coder.bits(low);
  if (index >= count) throw KernelError("HERM_CORRUPT", "a choice is none of those that there are");
  return index;
}

}  // namespace herm
