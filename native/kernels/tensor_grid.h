// On which grids (float_grid.h) the numbers of a tensor lie: what its dtype and its own zero bits say of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

int mantissa_bits(DType dtype);
int highest_floor(DType dtype);
// Low bits that parents do without, beyond the `shift` that are zero in the whole tensor.
int guard_bits(DType dtype, int shift);

// The low bits that are zero in all `count` words, at most the dtype's mantissa bits; 0 where every number is zero.
// KernelError NON_FINITE for an infinity or NaN: such tensors have no exact coding.
int tensor_shift(const Job& job, DType dtype, const std::uint8_t* words, std::size_t count);

}  // namespace herm
