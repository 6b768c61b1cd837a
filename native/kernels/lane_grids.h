// On which grid (float_grid.h) the numbers of a lane lie.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"
#include "kernels/float_grid.h"
#include "kernels/lane_loops.h"
#include "kernels/tensor_grid.h"

namespace herm {

// fn.operator()<D>() for this dtype.
template <class Fn>
auto with_dtype(DType dtype, Fn&& fn) {
  switch (dtype) {
    case DType::F64:
      return fn.template operator()<DType::F64>();
    case DType::F32:
      return fn.template operator()<DType::F32>();
    case DType::F16:
      return fn.template operator()<DType::F16>();
    default:
      return fn.template operator()<DType::BF16>();
  }
}

// ⌊shift / 4 + ½⌋: a shift of levels (lane_code.h) in whole powers of two.
inline int whole_shift(int shift) { return (shift + 2) >> 2; }

// Of gains (lane_gains.h), single-precision numbers of as many bits as mean anything to weights of this dtype.
inline Grid gain_grid(DType dtype) { return {mantissa_bits(dtype) <= 10 ? 13 : 0, 1}; }

// A lane has a floor, 0 for the tensor's own grid; elements move it by their shifts, and may have floors themselves.
class GridRule {
 public:
  GridRule(DType dtype, int shift, std::span<const std::int8_t> element_shifts,
           std::span<const std::uint16_t> element_floors)
      : fine_{shift, 1},
        coarse_bits_(shift + guard_bits(dtype, shift)),
        highest_(highest_floor(dtype)),
        shifts_(element_shifts),
        floors_(element_floors) {}

  Grid fine() const { return fine_; }
  // Of the elements [from, to).
  void fill(int lane_floor, std::size_t from, std::size_t to, LaneGrids& grids) const {
    for (std::size_t e = from; e < to; ++e) {
      const Grid grid = of(lane_floor, e);
      grids.bits[e] = grid.bits;
      grids.floors[e] = grid.floor;
    }
  }
  Grid of(int lane_floor, std::size_t e) const {
    Grid grid = fine_;
    if (lane_floor != 0) grid = {coarse_bits_, std::clamp(lane_floor + whole_shift(shifts_[e]), 1, highest_)};
    if (!floors_.empty() && floors_[e] != 0) grid = {coarse_bits_, std::max<int>(grid.floor, floors_[e])};
    return grid;
  }

 private:
  Grid fine_;
  int coarse_bits_, highest_;
  std::span<const std::int8_t> shifts_;
  std::span<const std::uint16_t> floors_;
};

}  // namespace herm
