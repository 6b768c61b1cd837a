// Which pairs of living neurons a round merges: the cheapest disjoint ones of all pairs, without looking at all pairs.
#pragma once

#include <array>
#include <cstddef>
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

// What a few parents offer, by the share of owners that it is meant for.
struct Offer {
  std::uint32_t owner;
  Candidate entry;
};
constexpr std::size_t kShares = 8;  // pieces into which owners are cut where each has little to do
using ParentOffers = std::array<std::vector<Offer>, kShares>;

// Every owner keeps its cheapest partners by the swept estimate, than which no pair's cost is less, and looks the
// others up again only when the round's greedy matching gets as far as the last one kept. The matching is that of all
// pairs; how long the lists are changes only the time.
class MergeSearch {
 public:
  // All are alive.
  MergeSearch(const Job& job, const NeuronPairs& neurons, const LivingGram& gram, const Living& living);

  // The cheapest `count` disjoint pairs of the living, greedily (fewer where no more are left).
  std::vector<RankedPair> match(const Job& job, std::size_t count);
  // Offers the neurons at [first_new, size) as partners to the living, and these to them.
  void update(const Job& job, std::size_t first_new);
  // Only the living keep positions, before they have the new ones.
  void compact(const Job& job);

  const SearchCounts& counts() const { return counts_; }

 private:
  void sweep(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows, float* r);
  void fill_all(const Job& job);
  void scan(std::uint32_t owner, const std::vector<char>& available);
  void settle(std::uint32_t owner, const std::vector<char>& available);
  std::vector<RankedPair> next_pairs(const Job& job);
  void measure(const Job& job, std::size_t first_new);
  void sweep_parents(std::size_t first_new, std::size_t begin, std::size_t end);
  void weigh(std::uint32_t parent, std::size_t begin, std::size_t end, const float* r, Smallest& own,
             ParentOffers& offers) const;
  void hand_over(const Job& job);

  const NeuronPairs& neurons_;
  const LivingGram& gram_;
  const Living& living_;
  std::vector<CandidateList> lists_;
  // By rank, and −1 as far as a stretch may reach beyond the last: swept estimates below which an owner wants to hear
  // of a new partner (a little high, since lists decide), and energies.
  std::vector<float> limits_, strengths_;
  std::vector<double> energies_;      // by position; those of the living are right
  std::vector<ParentOffers> offers_;  // of a few parents each
  SearchCounts counts_;
};

}  // namespace herm
