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

struct MergeOptions {
  double round_share = 0.05;  // of the living neurons that a round merges at most, in pairs
  bool plain = false;         // looks at all pairs in every round: the oracle of the search
  bool refit = false;         // by what a refit loses (refit_rounds.h)
  bool stored = true;         // Gram matrices in memory; otherwise rows are computed whenever they are read
};

// Positions that merging `neurons` neurons in rounds of a share needs room for. Throws std::invalid_argument unless the
// share lies in [0, 1].
std::size_t merge_capacity(std::size_t neurons, double round_share);

// Rounds, down to one neuron: a round merges disjoint pairs greedily, cheapest first by pair_cost, up to the share of
// the living (at least one pair). The neurons record their merges. Throws std::invalid_argument unless the share lies
// in [0, 1].
MergeReport merge_rounds(const Job& job, NeuronPairs& neurons, const MergeOptions& options);

}  // namespace herm
