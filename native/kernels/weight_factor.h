// What weights tell of their inputs: directions that many of them read are those in which inputs vary (docs/theory.md,
// section 1).
#pragma once

#include <span>

#include "kernels/dtype.h"
#include "kernels/job.h"
#include "kernels/matrix_view.h"

namespace herm {

// L [n×n], lower triangular with zeros above, of R = L Lᵀ = (1 − share) I + share·corr(Σ WᵀW) over the matrices W [m×n]
// of one layer's inputs. An input without weights correlates with none. 0 ≤ share < 1.
void weight_factor(const Job& job, std::span<const StoredMatrix> sides, double share, MutMatrix factor);

}  // namespace herm
