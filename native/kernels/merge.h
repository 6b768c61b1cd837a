// What a merge leaves behind: an instruction of the hierarchy.
#pragma once

#include <array>
#include <cstdint>

namespace herm {

// Slots i < j; the parent takes slot i, slot j dies. Coefficients as half-precision bit patterns: α of the input
// weights, β of the output weights.
struct Merge {
  std::uint32_t i, j;
  std::array<std::uint16_t, 2> alpha, beta;
  double bias;
  double cost;
  // Of gated neurons, whose `alpha` and `bias` are the value branch's.
  std::array<std::uint16_t, 2> gate_alpha{};
  double gate_bias = 0;
};

}  // namespace herm
