// Neurons on sample inputs: their normal equations for the best output weights, and how far they are from what should
// come out.
#pragma once

#include "kernels/interaction.h"

namespace herm {

// What a block is given, and what should come of it.
struct FitSamples {
  MatrixView<const float> inputs;  // [N×n]
  ConstMatrix targets;             // [N×p], without the output bias
  double blend = 0;                // ε: the share of the Gaussian prior beside the samples

  // Throws std::invalid_argument unless there are samples of n inputs and p targets.
  void check(std::size_t n, std::size_t p) const;
};

// Means over the samples, A [k×N] being the neurons' values: AAᵀ/N and A·targets/N. The neurons' outputs are not read.
struct NormalEquations {
  Matrix gram;   // [k×k]
  Matrix cross;  // [k×p]
};
NormalEquations normal_equations(const Job& job, const Activation& activation, const BlockNeurons& neurons,
                                 const FitSamples& samples);

// Mean squares over the samples: of the targets, and of what the neurons' outputs miss.
struct SampleError {
  double norm, distance;

  // ‖y − f‖/‖y‖
  double relative() const;
};
SampleError sample_error(const Job& job, const Activation& activation, const BlockNeurons& neurons,
                         const FitSamples& samples);

// Σ_i E φ_i² over the samples.
double sample_trace(const Job& job, const Activation& activation, const BlockNeurons& neurons,
                    const FitSamples& samples);

}  // namespace herm
