// What unfolds where no followed child was coded: a merged row of a matrix that two trees share (exact_tree.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

// The followed child becomes the nearest number to what the parent and the coded child give.
struct NearestSplits {
  DType dtype = DType::F32;
  int shift = 0;
  std::size_t length = 0;
  std::span<const std::uint32_t> positions;     // [2n] lanes that hold the parent, then the coded child
  std::span<const std::uint16_t> coefficients;  // [2n] of the followed, then of the coded child
  std::span<const float> gains;                 // [2n] of the followed, then of the coded child
  std::span<const std::uint16_t> floors;        // [2n] of the parent's grid, then of the followed child's
  std::span<const std::uint8_t>
      followed_second;  // [n] 1: the followed child takes the coded one's lane, and the other way
  std::size_t lanes = 0;
  std::uint8_t* words = nullptr;  // [lanes×length]
};
void split_nearest(const Job& job, const NearestSplits& splits);

}  // namespace herm
