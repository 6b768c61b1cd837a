// HERM's schedule for blocks whose outputs are refitted: who merges with whom where all others take over what they can
// (docs/theory.md, section 4.2).
#pragma once

#include "kernels/merge_rounds.h"
#include "kernels/neuron_pairs.h"

namespace herm {

// Rounds, down to one neuron. A round inverts the kernel matrix and looks at all pairs by the bound σ₂² of what the
// others leave of them; what the best ones cost is the merge operator's own answer. The cheapest one merges, costs are
// asked again as the others have changed, and so on, up to the share of the living (at least one pair). Ties go to
// older positions. The same for every number of threads. Throws std::invalid_argument unless the share lies in [0, 1].
MergeReport merge_for_refit(const Job& job, NeuronPairs& neurons, double round_share);

}  // namespace herm
