// Exact symmetries of a block: neurons that merge for nothing, before any lossy step (docs/theory.md, section 4).
#pragma once

#include <cstdint>

#include "kernels/activation.h"
#include "kernels/dtype.h"
#include "kernels/interaction.h"
#include "kernels/job.h"

namespace herm {

enum class NeuronClass : std::uint8_t {
  Normal = 0,
  Dead = 1,      // no outgoing weights: computes nothing
  Constant = 2,  // no incoming weights: its value belongs into the output bias
};

// How far the weights of exact duplicates may be apart because each was rounded: |x − stored x| <= relative·|x| +
// absolute.
struct Rounding {
  double relative = 0;
  double absolute = 0;
};
Rounding rounding_of(DType dtype);

// classes [m]; groups [m]: the first neuron with the same function φ(s) up to a factor, itself where there is none.
// Duplicates are input weights and biases that agree up to what the activation commutes with: a positive factor
// (identity, ReLU, leaky ReLU, ReLU²), where each weight may have been rounded after scaling; a sign (odd activations),
// bit for bit. Only Normal neurons are grouped. `input` and `bias` are the roundings of the two tensors. O(m·n) for
// weights without many near-duplicates. Throws KernelError NON_FINITE.
void symmetries(const Job& job, const Activation& activation, const BlockNeurons& block, const Rounding& input,
                const Rounding& bias, std::uint8_t* classes, std::uint32_t* groups);

}  // namespace herm
