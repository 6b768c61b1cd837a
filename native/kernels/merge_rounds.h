// HERM's schedule: who merges with whom, in what order (docs/theory.md, section 4).
#pragma once

#include <array>
#include <cstddef>

#include "kernels/living_gram.h"
#include "kernels/merge_search.h"
#include "kernels/neuron_pairs.h"

namespace herm {

// Where the time of a merge went, in seconds of the clock.
struct MergeReport {
  enum Phase : std::size_t { kLoad, kGram, kSweep, kMatch, kOperator, kUpdate, kOffer, kPhases };
  std::array<double, kPhases> seconds{};
  std::size_t rounds = 0;
  SearchCounts counts;
};

// Positions that merging `neurons` neurons in rounds of a share needs room for.
std::size_t merge_capacity(std::size_t neurons, double round_share);

// Rounds, down to one neuron: a round merges disjoint pairs greedily, cheapest first by pair_cost, up to `round_share`
// of the living (at least one pair). The neurons record their merges. `plain` looks at all pairs in every round: the
// oracle of the search. Throws std::invalid_argument unless round_share lies in [0, 1].
MergeReport merge_rounds(const Job& job, NeuronPairs& neurons, double round_share, bool plain = false);

}  // namespace herm
