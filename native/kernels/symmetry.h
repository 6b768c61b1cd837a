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
  Dead = 1,      // no outgoing weights, or a gated neuron without value: computes nothing
  Constant = 2,  // no incoming weights: its value belongs into the output bias
};

// How far the weights of exact duplicates may be apart because each was rounded: |x − stored x| <= relative·|x| +
// absolute.
struct Rounding {
  double relative = 0;
  double absolute = 0;
};
Rounding rounding_of(DType dtype);

// Of the tensors of a block.
struct BlockRounding {
  Rounding input, bias, gate, gate_bias;
};

// classes [m]; groups [m]: the first neuron with the same function φ(s) up to a factor, itself where there is none.
// Duplicates are input weights and biases that agree up to what the activation commutes with: a positive factor
// (identity, ReLU, leaky ReLU, ReLU²), where each weight may have been rounded after scaling; a sign (odd activations),
// bit for bit. In a gated block that holds for the gate, while value branches agree up to any factor, whatever the
// activation. Only Normal neurons are grouped. O(m·n) for weights without many near-duplicates. Throws KernelError
// NON_FINITE.
void symmetries(const Job& job, const Activation& activation, const BlockNeurons& block, const BlockRounding& rounding,
                std::uint8_t* classes, std::uint32_t* groups);

}  // namespace herm
