// The best output weights for a given set of hidden neurons, and the forward pass of a block.
#pragma once

#include "kernels/interaction.h"

namespace herm {

// Rows [k×p]: the output weights that bring Σ_k row_k φ_k closest to `full` in L²(prior), for the k neurons `kept` (input
// [k×n], bias). Solves (Φ_SS + ε I) X = Φ_S· V by Cholesky, ε = ridge · mean diagonal, raised tenfold until it succeeds.
void refit(const Job& job, const HermiteExpander& expander, const BlockNeurons& full, ConstMatrix kept_input,
           const double* kept_bias, double ridge, MutMatrix out);

// y [batch×p] = φ(x Wᵀ + b) V + c, with x [batch×n]; c may be null. Identity activation with `output` empty is not
// special: a plain linear layer is forward_linear.
void forward(const Job& job, const Activation& activation, const BlockNeurons& block, const double* output_bias,
             ConstMatrix x, MutMatrix y);

}  // namespace herm
