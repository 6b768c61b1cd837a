// HERM's schedule: who merges with whom, in what order (docs/theory.md, section 4).
#pragma once

#include <functional>
#include <vector>

#include "kernels/merge_state.h"

namespace herm {

// Rounds. Every living neuron keeps its few cheapest partners; a round merges disjoint pairs greedily, cheapest first,
// up to `round_share` of the living (at least one pair). Ties by slot. A neuron's list is exact under CostEstimate:
// partners are pruned by bounds only. The recorded costs are the operator's. Returns the m − 1 merges in order. Throws
// std::invalid_argument unless round_share lies in [0, 1].
std::vector<Merge> merge_rounds(const Job& job, MergeState& state, double round_share);

// One merge at a time, always the pair of least estimate, every estimate evaluated: O(m³) bookkeeping, the oracle of
// the rounds.
std::vector<Merge> merge_plain(const Job& job, MergeState& state);

}  // namespace herm
