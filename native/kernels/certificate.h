// What a width costs, without data: relative L²(prior) errors of skeletons as a file serves them, and their refits.
#pragma once

#include "kernels/refit.h"
#include "kernels/skeleton_walk.h"

namespace herm {

// errors[l] = ‖f − f_k‖/‖f‖ at k = widths[l] (descending), without the output bias; 0 where f is 0. With samples (or
// null) the squares are (1 − ε) times the mean ones on samples, against their targets, and ε s times those under the
// prior, s as in SampledKernel.
void certify(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
             std::span<const std::uint32_t> widths, std::span<double> errors, const FitSamples* samples = nullptr);

// The refitted output weights of the skeleton of this width, neurons as rows: words [k×p] of the output weight's dtype.
// Returns the relative error that they leave, as above.
double refit_skeleton(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
                      std::size_t width, double ridge, std::span<std::uint8_t> words,
                      const FitSamples* samples = nullptr);

}  // namespace herm
