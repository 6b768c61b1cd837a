// What each merge of a tree joins: GID and SCA of its two children as they are when they merge.
#pragma once

#include <span>

#include "kernels/skeleton_walk.h"

namespace herm {

// Of T merges. NaN: σ and shares of a child that computes nothing have no angle, two parallel neurons no second share.
struct MergeTerms {
  std::span<double> gates;   // [2T] σ_1 >= σ_2
  std::span<double> angles;  // [T] oblique angle of the mixing, in radians up to π/2 (docs/theory.md, section 3)
  std::span<double> parts;   // [T] share of the first child in term 1
  std::span<double> shares;  // [2T] input shares, the larger first
};

// Parents are those of the coefficients and biases, in double; what a file rounds is far below what is told here.
// Throws std::invalid_argument where the tree does not fit the block, KernelError NON_FINITE.
void merge_terms(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
                 const MergeTerms& terms);

}  // namespace herm
