// HERM's schedule where the kernel of the neurons comes from samples: nothing swept, every number exact.
#pragma once

#include "kernels/merge_rounds.h"
#include "kernels/neuron_pairs.h"

namespace herm {

// Partners that an owner offers to a round.
constexpr std::size_t kSampledPartners = 8;

// Rounds, down to one neuron. The owner of a pair offers those partners into which absorbing it costs least, by the
// blended kernel in single precision; what these pairs cost is the merge operator's own cost, and the cheapest disjoint
// ones merge, up to the share of the living (at least one pair). Ties go to the older positions. The same for every
// number of threads. Throws std::invalid_argument unless the share lies in [0, 1] and the neurons have samples.
MergeReport merge_on_samples(const Job& job, NeuronPairs& neurons, double round_share);

}  // namespace herm
