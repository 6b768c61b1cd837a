// What a width costs, without data: relative L²(prior) errors of skeletons as a file serves them, and their refits.
#pragma once

#include "kernels/refit.h"
#include "kernels/skeleton_walk.h"

namespace herm {

// errors[l] = ‖f − f_k‖/‖f‖ at k = widths[l] (descending), without the output bias; 0 where f is 0.
void certify(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
             std::span<const std::uint32_t> widths, std::span<double> errors);

// The refitted output weights of the skeleton of this width, neurons as rows: words [k×p] of the output weight's dtype.
// Returns the relative error that they leave.
double refit_skeleton(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
                      std::size_t width, double ridge, std::span<std::uint8_t> words);

}  // namespace herm
