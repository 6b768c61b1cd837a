// Rows of numbers, one for every position, without those of the dead.
#pragma once

#include <cstddef>

#include "kernels/living.h"

namespace herm {

// Rows are longer than a page, where the hardware's own reading ahead stops: so many floats are asked for in advance.
constexpr std::size_t kReadAhead = 512;

// to[r] = values[p − begin] for the r-th living position p of [begin, end); `to` may be `values`. `begin` is a multiple
// of Living::kWord; up to kWord numbers more are read and written.
void close_up(const float* values, const Living& living, std::size_t begin, std::size_t end, float* to);

}  // namespace herm
