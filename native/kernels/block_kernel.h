// The kernel of a block's neurons, gated or not, straight from their weights.
#pragma once

#include <vector>

#include "kernels/gated_neuron.h"
#include "kernels/interaction.h"

namespace herm {

// Neurons [i, i_end) of one block against [j, j_end) of another.
struct KernelTile {
  std::size_t i, i_end, j, j_end;
};

// The expansions of all neurons of a block, whose weights it refers to.
class BlockKernel {
 public:
  // Throws std::invalid_argument where the gates are not as many or as wide as the values.
  BlockKernel(const Job& job, const HermiteExpander& expander, const BlockNeurons& block);

  std::size_t size() const { return block_.input.rows; }
  double second(std::size_t i) const { return block_.gated() ? gated_[i].second : plain_.second[i]; }  // Φ_ii

  // out = Φ of a tile, `other` being a block of the same activation and degree, gated if this one is, or this one
  // itself. `upper`: entries below the diagonal (j < i) are of no use and hold anything.
  void tile(const BlockKernel& other, const KernelTile& tile, bool upper, MutMatrix out) const;
  // Φ_ij of two neurons of this block.
  double entry(std::size_t i, std::size_t j) const;
  // The whole Φ [m×m], symmetric to the bit.
  void matrix(const Job& job, MutMatrix out) const;

 private:
  void gated_tile(const BlockKernel& other, const KernelTile& tile, bool upper, MutMatrix out) const;

  BlockNeurons block_;
  InputNeurons plain_;
  std::vector<GatedSeries> gated_;
};

}  // namespace herm
