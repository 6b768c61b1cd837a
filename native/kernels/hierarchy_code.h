// A hierarchy as bits: its roots and, coarse to fine, the instructions that split them (docs/theory.md, "Recovery: bit
// for bit"). Everything that an instruction says besides the weights of the children is here: which neuron it splits,
// into which slots, by which coefficients and gains, on which grids exact coding goes on (lane_code.h), the cost of the
// merge, and the biases of both children.
//
// Levels as in level_stream.h; the models, too, run on from level to level. Integer arithmetic alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

// Nodes are the K roots by slot, then children i and j of every instruction: K + 2n and K + 2n + 1 (n < N).
struct HierarchySide {
  DType dtype = DType::F32;               // of the weights
  std::span<std::uint16_t> coefficients;  // [2N] half-precision bits: finite, the followed child's not 0
  std::span<std::uint8_t> followed;       // [N] 1 where the second child is the followed one
  std::span<std::uint16_t> floors;        // [K + 2N] of the nodes' grids, 0 the tensor's own, as all leaves'
  std::span<float> gains;                 // [K + 2N] a node is its lane times this; 1 where it has a floor, and leaves'
};

struct HierarchyBiases {
  DType dtype = DType::F32;
  std::span<std::uint8_t> words;  // [K + 2N] finite numbers, or empty where there are none
};

struct Hierarchy {
  std::size_t neurons = 0;         // m
  std::size_t roots = 0;           // K; m − K instructions reach the full width
  std::span<std::uint32_t> slots;  // [K + 2N]
  std::span<std::uint8_t> leaf;    // [K + 2N] 1 where the node is an original neuron
  std::span<float> costs;          // [N] bfloat16 numbers
  HierarchySide input, output, gate;
  bool gated = false;
  HierarchyBiases biases, gate_biases;  // go with the sides input and gate

  std::size_t instructions() const { return costs.size(); }
};

// The streams of all levels, one after the other in `out`, and their lengths in `sizes`. `levels` [levels] says how
// many instructions there are down to each; the first one has none before it, and the roots. A level that adds nothing
// takes no bytes. std::invalid_argument where the arrays are no hierarchy; KernelError NON_FINITE for a bias that is
// none.
void encode_hierarchy(const Job& job, const Hierarchy& hierarchy, std::span<const std::uint32_t> levels,
                      std::vector<std::uint8_t>& out, std::span<std::uint64_t> sizes);

// Fills the arrays, which reach to the last of these levels. KernelError HERM_CORRUPT where `data` is not what
// encode_hierarchy makes of a hierarchy.
void decode_hierarchy(const Job& job, const Hierarchy& hierarchy, std::span<const std::uint32_t> levels,
                      std::span<const std::uint8_t> data, std::span<const std::uint64_t> sizes);

}  // namespace herm
