// On which grid (float_grid.h) the biases of merged neurons lie: 10 mantissa bits, as many as their coefficients have.
// Those of original neurons lie there, too, where a narrower format was widened.
#pragma once

#include <algorithm>

#include "kernels/float_grid.h"
#include "kernels/lane_grids.h"

namespace herm {

inline Grid parent_bias_grid(DType dtype) { return {std::max(0, mantissa_bits(dtype) - 10), 1}; }

}  // namespace herm
