// The best output weights for a given set of hidden neurons.
#pragma once

#include "kernels/interaction.h"
#include "kernels/sample_fit.h"

namespace herm {

// Rows [k×p]: the output weights that bring Σ_k row_k φ_k closest to `full` in L²(prior), for the k neurons `kept`
// (whose own outputs are not read). Solves (Φ_SS + ridge · diag Φ_SS) X = Φ_S· V by Cholesky, the ridge raised tenfold
// until it succeeds: relative to each neuron's own energy, so that rescaling neurons (αw, αb, v/α) changes nothing. A
// neuron that computes 0, or is as good as never awake, gets outputs 0. Throws KernelError NON_FINITE where Φ is not
// finite.
//
// With the kept neurons' normal equations on samples (or null) Φ_SS and Φ_S· V become (1 − ε) times these and ε s times
// the prior's, s such that the traces of both Φ_SS agree.
struct SampledFit {
  const NormalEquations* sampled;
  double blend;  // ε
};
void refit(const Job& job, const HermiteExpander& expander, const BlockNeurons& full, const BlockNeurons& kept,
           double ridge, MutMatrix out, const SampledFit* samples = nullptr);

}  // namespace herm
