// Which pairs of living neurons a round merges: the cheapest disjoint ones of all pairs, without looking at all pairs.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/job.h"
#include "kernels/living_gram.h"
#include "kernels/merge_candidates.h"
#include "kernels/neuron_pairs.h"

namespace herm {

// What a pair costs in the schedule: the larger of both estimates of neuron_pairs.h, in ‖f‖². Next to nothing counts as
// nothing, so that rounding does not order what merges for free.
double pair_cost(const NeuronPairs& neurons, std::size_t owner, std::size_t partner, float swept);

// Work done, for reports.
struct SearchCounts {
  std::size_t scans = 0;      // of a neuron's whole row
  std::size_t estimates = 0;  // in double precision
};

// Every owner keeps its cheapest partners by the swept estimate, than which no pair's cost is less, and looks the
// others up again only when the round's greedy matching gets as far as the last one kept. The matching is that of all
// pairs; how long the lists are changes only the time.
class MergeSearch {
 public:
  MergeSearch(const Job& job, const NeuronPairs& neurons, const LivingGram& gram);

  // The cheapest `count` disjoint pairs of the living, greedily (fewer where no more are left).
  std::vector<RankedPair> match(const Job& job, std::size_t count, const std::vector<char>& alive);
  // Forgets who has died; offers the neurons at [first_new, size) as partners.
  void update(const Job& job, std::size_t first_new, const std::vector<char>& alive);
  void compact(const std::vector<std::uint32_t>& kept);

  const SearchCounts& counts() const { return counts_; }

 private:
  void fill_all(const Job& job);
  void scan(std::uint32_t owner, const std::vector<char>& available);
  void settle(std::uint32_t owner, const std::vector<char>& available);

  const NeuronPairs& neurons_;
  const LivingGram& gram_;
  std::vector<CandidateList> lists_;
  SearchCounts counts_;
};

}  // namespace herm
