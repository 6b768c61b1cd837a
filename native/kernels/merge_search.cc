#include "kernels/merge_search.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <numeric>
#include <queue>

#include "kernels/pair_filter.h"
#include "kernels/profile_table.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kOwners = 64;    // owners that a thread takes at a time
constexpr std::size_t kColumns = 512;  // positions of a sweep: their profiles stay in the cache
constexpr std::size_t kParents = 4;    // parents that a thread takes at a time
constexpr std::size_t kBatch = 64;     // owners that are looked up at once
constexpr std::size_t kOffersAhead = 4;
static_assert(kStretch >= kSweepPadding);
constexpr double kFree = 1e-9;  // of the owner's energy

// The bits of those before the end of a stretch that is cut short.
std::uint64_t first_bits(std::size_t count) {
  return count < kStretch ? (std::uint64_t{1} << count) - 1 : ~std::uint64_t{0};
}

// Owners that make up a share of all.
std::size_t share_of(std::size_t owners) { return (owners + kShares - 1) / kShares; }

}  // namespace

double pair_cost(const NeuronPairs& neurons, std::size_t owner, std::size_t partner, float swept) {
  const double energy = neurons.energy(owner);
  const double cost = std::max(energy * static_cast<double>(swept), neurons.estimate(owner, partner));
  return cost > kFree * energy ? cost : 0;
}

MergeSearch::MergeSearch(const Job& job, const NeuronPairs& neurons, const LivingGram& gram, const Living& living)
    : neurons_(neurons), gram_(gram), living_(living), lists_(neurons.size()), energies_(neurons.size()) {
  for (std::size_t p = 0; p < energies_.size(); ++p) energies_[p] = neurons.energy(p);
  fill_all(job);
}

// Swept estimates by rank, counted; by several threads at once.
void MergeSearch::sweep(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows, float* r) {
  const std::size_t closer = neurons_.sweep_trusted(living_.positions(), fixed, begin, end, rows, r);
  if (closer > 0) std::atomic_ref(counts_.estimates).fetch_add(closer, std::memory_order_relaxed);
}

// All pairs, a few owners and columns at a time: ranks are positions.
void MergeSearch::fill_all(const Job& job) {
  const std::size_t m = neurons_.size();
  parallel_for(job, m, kOwners, [&](std::size_t begin, std::size_t end) {
    std::vector<Smallest> smallest(end - begin);
    std::array<float, kColumns + kStretch> r;
    std::vector<std::uint32_t> owners(end - begin);
    std::iota(owners.begin(), owners.end(), static_cast<std::uint32_t>(begin));
    GramWindow window;
    for (std::size_t column = begin / kColumns * kColumns; column < m; column += kColumns) {
      const std::size_t column_end = std::min(m, column + kColumns);
      gram_.read(owners, living_, column, column_end, window);
      for (std::size_t owner = begin; owner < end; ++owner) {
        const std::size_t from = std::max(column, owner + 1);
        if (from >= column_end) continue;
        const auto row = shifted(window.row(owner - begin), from - column);
        sweep(owner, from, column_end, row.data(), r.data());
        if (neurons_.energy(owner) == 0) std::fill_n(r.data(), column_end - from, 0.0F);
        Smallest& best = smallest[owner - begin];
        for (std::size_t j = from; j < column_end; j += kStretch) {
          std::uint64_t who = pairs_below(&r[j - from], best.worst()) & first_bits(column_end - j);
          for (; who != 0; who &= who - 1) {
            const std::size_t i = j + static_cast<std::size_t>(std::countr_zero(who));
            if (r[i - from] < best.worst()) best.add(r[i - from], static_cast<std::uint32_t>(i));
          }
        }
      }
    }
    for (std::size_t owner = begin; owner < end; ++owner)
      lists_[owner].extend(smallest[owner - begin], neurons_.energy(owner));
  });
  counts_.scans += m;
}

// More partners for an owner, beyond those that it has listed.
void MergeSearch::scan(std::uint32_t owner, const std::vector<char>& available) {
  thread_local std::vector<float> r;
  const auto& living = living_.positions();
  const std::size_t rank = living_.rank(owner);
  r.resize(living.size() + 2 * kSweepPadding);
  thread_local GramWindow window;
  gram_.read({&owner, 1}, living_, 0, living_.size(), window);
  sweep(rank, 0, rank, window.row(0).data(), r.data());
  sweep(rank, rank + 1, living.size(), shifted(window.row(0), rank + 1).data(), r.data() + rank + 1);
  if (neurons_.energy(owner) == 0) std::fill_n(r.data(), living.size(), 0.0F);
  CandidateList& list = lists_[owner];
  constexpr float kListed = std::numeric_limits<float>::infinity();
  r[rank] = kListed;
  for (const auto& entry : list.entries())
    if (living_[entry.partner]) r[living_.rank(entry.partner)] = kListed;
  Smallest best;
  for (std::size_t j = 0; j < living.size(); ++j) {
    const std::uint32_t partner = living[j];
    if (r[j] < best.worst() && available[partner] && neurons_.owns(owner, partner)) best.add(r[j], partner);
  }
  list.extend(best, neurons_.energy(owner));
}

// Makes an owner's next pair a known one: one scan or one estimate at least, if it has partners left.
void MergeSearch::settle(std::uint32_t owner, const std::vector<char>& available) {
  CandidateList& list = lists_[owner];
  if (!list.next_is_listed()) {
    scan(owner, available);
    std::atomic_ref(counts_.scans).fetch_add(1, std::memory_order_relaxed);
  }
  if (list.entries().empty() || list.entries().front().exact || !list.next_is_listed()) return;
  const auto& front = list.entries().front();
  list.settle(pair_cost(neurons_, owner, front.partner, front.swept));
  std::atomic_ref(counts_.estimates).fetch_add(1, std::memory_order_relaxed);
}

// What every owner can offer next, without the dead.
std::vector<RankedPair> MergeSearch::next_pairs(const Job& job) {
  std::vector<RankedPair> next(lists_.size(), {0, kNone, kNone});
  parallel_for(job, next.size(), kColumns, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      if (p + kOffersAhead < end) lists_[p + kOffersAhead].prefetch();
      if (!living_[p]) continue;
      lists_[p].drop_front([&](std::uint32_t partner) { return !living_[partner]; });
      next[p] = lists_[p].next(static_cast<std::uint32_t>(p));
    }
  });
  std::erase_if(next, [](const RankedPair& pair) { return pair.partner == kNone; });
  return next;
}

std::vector<RankedPair> MergeSearch::match(const Job& job, std::size_t count) {
  std::vector<char> available(living_.flags());
  std::vector<RankedPair> owners = next_pairs(job);
  // The owners that this round will most likely ask, all at once.
  const std::size_t likely = std::min(owners.size(), count + count / 4 + 1);
  if (likely > 0)
    std::nth_element(owners.begin(), owners.begin() + static_cast<std::ptrdiff_t>(likely - 1), owners.end());
  parallel_for(job, likely, 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) settle(owners[i].owner, available);
  });
  for (std::size_t i = 0; i < likely; ++i) owners[i] = lists_[owners[i].owner].next(owners[i].owner);

  std::priority_queue queue(std::greater<RankedPair>{}, std::move(owners));
  std::vector<RankedPair> pairs;
  std::vector<std::uint32_t> batch;
  std::vector<RankedPair> held;
  while (pairs.size() < count && !queue.empty()) {
    batch.clear();
    held.clear();
    while (!queue.empty() && batch.size() < kBatch && held.size() < kBatch) {
      const RankedPair top = queue.top();
      queue.pop();
      if (!available[top.owner]) continue;
      CandidateList& list = lists_[top.owner];
      list.drop([&](std::uint32_t partner) { return !available[partner]; });
      const RankedPair next = list.next(top.owner);
      if (next.partner == kNone) continue;
      if (next > top) {
        queue.push(next);
      } else if (!list.next_is_listed() || !list.entries().front().exact) {
        batch.push_back(top.owner);
      } else if (batch.empty()) {
        available[top.owner] = available[top.partner] = 0;
        pairs.push_back(top);
        if (pairs.size() == count) return pairs;
      } else {
        held.push_back(top);  // whoever is looked up now may come before it
      }
    }
    parallel_for(job, batch.size(), 4, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) settle(batch[i], available);
    });
    for (const std::uint32_t owner : batch) queue.push(lists_[owner].next(owner));
    for (const RankedPair& pair : held) queue.push(pair);
  }
  return pairs;
}

void MergeSearch::update(const Job& job, std::size_t first_new) {
  const std::size_t parents = living_.size() - first_new;
  lists_.resize(living_.size());
  measure(job, first_new);
  // Parents fill their own lists; what they offer to others waits until all lists are there.
  offers_.resize((parents + kParents - 1) / kParents);
  parallel_for(job, parents, kParents,
               [&](std::size_t begin, std::size_t end) { sweep_parents(first_new, begin, end); });
  hand_over(job);
}

// Limits and strengths of the living, as they are when parents come in.
void MergeSearch::measure(const Job& job, std::size_t first_new) {
  energies_.resize(living_.size());
  for (std::size_t p = first_new; p < living_.size(); ++p) energies_[p] = neurons_.energy(p);
  const auto& living = living_.positions();
  limits_.assign(living.size() + kStretch, -1);
  strengths_.assign(living.size() + kStretch, -1);
  parallel_for(job, living.size(), kColumns, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const double energy = energies_[living[r]];
      limits_[r] = lists_[living[r]].limit(energy);
      strengths_[r] = static_cast<float>(energy);
    }
  });
}

// Parents number begin … end − 1: all pairs with those before them.
void MergeSearch::sweep_parents(std::size_t first_new, std::size_t begin, std::size_t end) {
  std::array<Smallest, kParents> smallest;
  std::array<float, kColumns + kStretch> r;
  ParentOffers& offers = offers_[begin / kParents];
  for (auto& share : offers) share.clear();
  std::vector<std::uint32_t> group(end - begin);
  std::iota(group.begin(), group.end(), static_cast<std::uint32_t>(first_new + begin));
  const std::size_t first_rank = living_.rank(group.front());
  GramWindow window;
  for (std::size_t column = 0; column < first_new + end; column += kColumns) {
    const std::size_t column_end = std::min(living_.size(), column + kColumns);
    gram_.read(group, living_, column, column_end, window);
    const std::size_t from = living_.rank(column), to = living_.rank(column_end);
    for (std::size_t t = 0; t < group.size(); ++t) {
      const std::size_t rank = first_rank + t, last = std::min(to, rank);
      if (from >= last) continue;
      sweep(rank, from, last, window.row(t).data(), r.data());
      if (energies_[group[t]] == 0) std::fill_n(r.data(), last - from, 0.0F);
      weigh(group[t], from, last, r.data(), smallest[t], offers);
    }
  }
  for (const std::uint32_t parent : group) lists_[parent].extend(smallest[parent - group.front()], energies_[parent]);
}

// Who keeps whom, of a parent and those of ranks [begin, end), by their swept estimates.
void MergeSearch::weigh(std::uint32_t parent, std::size_t begin, std::size_t end, const float* r, Smallest& own,
                        ParentOffers& offers) const {
  const double energy = energies_[parent];
  const auto strength = static_cast<float>(energy);
  const std::size_t share = share_of(living_.size());
  for (std::size_t j = begin; j < end; j += kStretch) {
    std::uint64_t who =
        pairs_that_matter(r + (j - begin), &limits_[j], &strengths_[j], own.worst(), strength) & first_bits(end - j);
    for (; who != 0; who &= who - 1) {
      const std::size_t rank = j + static_cast<std::size_t>(std::countr_zero(who));
      const std::uint32_t other = living_.positions()[rank];
      const float swept = r[rank - begin];
      if (energy < energies_[other]) {  // of equals, the lower position owns the pair
        if (swept < own.worst()) own.add(swept, other);
      } else if (swept < limits_[rank]) {
        const double cost = energies_[other] * static_cast<double>(swept);
        offers[other / share].push_back({other, {cost, parent, swept, false}});
      }
    }
  }
}

// Every owner hears of the parents in their order, whichever thread it belongs to.
void MergeSearch::hand_over(const Job& job) {
  parallel_for(job, kShares, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t share = begin; share < end; ++share) {
      for (const ParentOffers& group : offers_) {
        const std::vector<Offer>& offers = group[share];
        for (std::size_t i = 0; i < offers.size(); ++i) {
          // Lists lie all over memory.
          if (i + 2 * kOffersAhead < offers.size()) __builtin_prefetch(&lists_[offers[i + 2 * kOffersAhead].owner]);
          if (i + kOffersAhead < offers.size()) lists_[offers[i + kOffersAhead].owner].prefetch();
          lists_[offers[i].owner].offer(offers[i].entry, [&](std::uint32_t partner) { return !living_[partner]; });
        }
      }
    }
  });
}

void MergeSearch::compact(const Job& job) {
  const auto& kept = living_.positions();
  // A bound may stand on a neuron that is gone: the next living one takes its place, since ties go by position.
  std::vector<std::uint32_t> place(living_.size());
  for (std::size_t p = place.size(), next = kept.size(); p-- > 0;) {
    if (living_[p]) --next;
    place[p] = static_cast<std::uint32_t>(next);
  }
  const auto gone = [&](std::uint32_t p) { return !living_[p]; };
  parallel_for(job, kept.size(), kOwners, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      lists_[kept[p]].drop(gone);
      lists_[kept[p]].renumber(place);
    }
  });
  for (std::size_t p = 0; p < kept.size(); ++p) {
    if (kept[p] != p) lists_[p] = std::move(lists_[kept[p]]);
    energies_[p] = energies_[kept[p]];
  }
  lists_.resize(kept.size());
}

}  // namespace herm
