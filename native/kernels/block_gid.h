// GID of neurons of a block under the prior x ~ N(0, I): interaction.h and gid.h joined.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/gid.h"
#include "kernels/interaction.h"

namespace herm {

struct NeuronGid {
  Matrix phi;  // [g×g]
  Matrix h;    // [g×g]
  Gid gid;
};

// Of the neurons listed (any, more than once if need be). A pair's outputs are compared as vectors, not by their Gram
// matrix. Throws std::invalid_argument where an index is not below m, KernelError NON_FINITE.
NeuronGid block_gid(const Job& job, const Activation& activation, const BlockNeurons& block,
                    const std::vector<std::uint32_t>& neurons);

// The same of a block of two neurons, with series that end at the expander's degree.
NeuronGid pair_gid(const Job& job, const HermiteExpander& expander, const BlockNeurons& pair);

// The gate spectrum of the whole layer, into gates [m].
void block_gate_spectrum(const Job& job, const Activation& activation, const BlockNeurons& block, double* gates);

// The gates [P×2] of the pairs (pairs[2k], pairs[2k+1]). Throws as block_gid does.
void block_pair_gates(const Job& job, const Activation& activation, const BlockNeurons& block,
                      const std::uint32_t* pairs, std::size_t count, double* gates);

}  // namespace herm
