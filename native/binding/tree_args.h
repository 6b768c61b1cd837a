// A merge tree among the arguments of an addon call.
#pragma once

#include "binding/args.h"
#include "kernels/skeleton_walk.h"

namespace herm::binding {

// { pairs, alpha, beta, parentBias }, and { gateAlpha, parentGateBias } of a gated block.
inline TreeView tree_of(Args& args) {
  TreeView tree;
  tree.pairs = args.uint32("pairs");
  tree.alpha = args.uint16("alpha", tree.pairs.size());
  tree.beta = args.uint16("beta", tree.pairs.size());
  tree.bias = args.float64("parentBias", tree.merges());
  if (!args.has("gateAlpha")) return tree;
  tree.gate_alpha = args.uint16("gateAlpha", tree.pairs.size());
  tree.gate_bias = args.float64("parentGateBias", tree.merges());
  return tree;
}

}  // namespace herm::binding
