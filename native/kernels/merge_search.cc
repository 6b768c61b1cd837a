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

RowOfKinds shifted(RowOfKinds row, std::size_t columns) {
  for (const float*& values : row) values = values ? values + columns : nullptr;
  return row;
}

}  // namespace

double pair_cost(const NeuronPairs& neurons, std::size_t owner, std::size_t partner, float swept) {
  const double energy = neurons.energy(owner);
  const double cost = std::max(energy * static_cast<double>(swept), neurons.estimate(owner, partner));
  return cost > kFree * energy ? cost : 0;
}

MergeSearch::MergeSearch(const Job& job, const NeuronPairs& neurons, const LivingGram& gram)
    : neurons_(neurons), gram_(gram), lists_(neurons.size()), energies_(neurons.size()) {
  for (std::size_t p = 0; p < energies_.size(); ++p) energies_[p] = neurons.energy(p);
  fill_all(job);
}

// Swept estimates, counted; by several threads at once.
void MergeSearch::sweep(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows, float* r) {
  const std::size_t closer = neurons_.sweep_trusted(fixed, begin, end, rows, r);
  if (closer > 0) std::atomic_ref(counts_.estimates).fetch_add(closer, std::memory_order_relaxed);
}

// All pairs, a few owners and columns at a time.
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
      gram_.read(owners, column, column_end, window);
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
  const std::size_t size = neurons_.size();
  r.resize(size + 2 * kSweepPadding);
  thread_local GramWindow window;
  gram_.read({&owner, 1}, 0, size, window);
  sweep(owner, 0, owner, window.row(0).data(), r.data());
  sweep(owner, owner + 1, size, shifted(window.row(0), owner + 1).data(), r.data() + owner + 1);
  if (neurons_.energy(owner) == 0) std::fill_n(r.data(), size, 0.0F);
  CandidateList& list = lists_[owner];
  constexpr float kListed = std::numeric_limits<float>::infinity();
  r[owner] = kListed;
  for (const auto& entry : list.entries()) r[entry.partner] = kListed;
  Smallest best;
  for (std::size_t j = 0; j < size; ++j)
    if (r[j] < best.worst() && available[j] && neurons_.owns(owner, j)) best.add(r[j], static_cast<std::uint32_t>(j));
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
std::vector<RankedPair> MergeSearch::next_pairs(const Job& job, const std::vector<char>& alive) {
  std::vector<RankedPair> next(lists_.size(), {0, kNone, kNone});
  parallel_for(job, next.size(), kColumns, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      if (p + kOffersAhead < end) lists_[p + kOffersAhead].prefetch();
      if (!alive[p]) continue;
      lists_[p].drop_front([&](std::uint32_t partner) { return !alive[partner]; });
      next[p] = lists_[p].next(static_cast<std::uint32_t>(p));
    }
  });
  std::erase_if(next, [](const RankedPair& pair) { return pair.partner == kNone; });
  return next;
}

std::vector<RankedPair> MergeSearch::match(const Job& job, std::size_t count, const std::vector<char>& alive) {
  std::vector<char> available(alive);
  std::vector<RankedPair> owners = next_pairs(job, alive);
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

void MergeSearch::update(const Job& job, std::size_t first_new, const std::vector<char>& alive) {
  const std::size_t parents = neurons_.size() - first_new;
  lists_.resize(neurons_.size());
  measure(job, first_new, alive);
  // Parents fill their own lists; what they offer to others waits until all lists are there.
  offers_.resize((parents + kParents - 1) / kParents);
  parallel_for(job, parents, kParents,
               [&](std::size_t begin, std::size_t end) { sweep_parents(first_new, begin, end); });
  hand_over(job, alive);
}

// Limits and strengths of all positions, as they are when parents come in.
void MergeSearch::measure(const Job& job, std::size_t first_new, const std::vector<char>& alive) {
  const std::size_t size = neurons_.size();
  energies_.resize(size);
  for (std::size_t p = first_new; p < size; ++p) energies_[p] = neurons_.energy(p);
  limits_.assign(size + kStretch, -1);
  strengths_.assign(size + kStretch, -1);
  parallel_for(job, size, kColumns, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      if (!alive[p]) continue;
      limits_[p] = lists_[p].limit(energies_[p]);
      strengths_[p] = static_cast<float>(energies_[p]);
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
  GramWindow window;
  for (std::size_t column = 0; column < first_new + end; column += kColumns) {
    gram_.read(group, column, std::min(neurons_.size(), column + kColumns), window);
    for (const std::uint32_t parent : group) {
      const std::size_t t = parent - group.front(), column_end = std::min<std::size_t>(parent, column + kColumns);
      if (column >= column_end) continue;
      sweep(parent, column, column_end, window.row(t).data(), r.data());
      if (energies_[parent] == 0) std::fill_n(r.data(), column_end - column, 0.0F);
      weigh(parent, column, column_end, r.data(), smallest[t], offers);
    }
  }
  for (const std::uint32_t parent : group) lists_[parent].extend(smallest[parent - group.front()], energies_[parent]);
}

// Who keeps whom, of a parent and those at [column, column_end), by their swept estimates.
void MergeSearch::weigh(std::uint32_t parent, std::size_t column, std::size_t column_end, const float* r, Smallest& own,
                        ParentOffers& offers) const {
  const double energy = energies_[parent];
  const std::size_t share = share_of(neurons_.size());
  for (std::size_t j = column; j < column_end; j += kStretch) {
    std::uint64_t who =
        pairs_that_matter(r + (j - column), &limits_[j], &strengths_[j], own.worst(), strengths_[parent]) &
        first_bits(column_end - j);
    for (; who != 0; who &= who - 1) {
      const std::size_t i = j + static_cast<std::size_t>(std::countr_zero(who));
      const float swept = r[i - column];
      if (energy < energies_[i]) {  // of equals, the lower position owns the pair
        if (swept < own.worst()) own.add(swept, static_cast<std::uint32_t>(i));
      } else if (swept < limits_[i]) {
        const double cost = energies_[i] * static_cast<double>(swept);
        offers[i / share].push_back({static_cast<std::uint32_t>(i), {cost, parent, swept, false}});
      }
    }
  }
}

// Every owner hears of the parents in their order, whichever thread it belongs to.
void MergeSearch::hand_over(const Job& job, const std::vector<char>& alive) {
  parallel_for(job, kShares, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t share = begin; share < end; ++share) {
      for (const ParentOffers& group : offers_) {
        const std::vector<Offer>& offers = group[share];
        for (std::size_t i = 0; i < offers.size(); ++i) {
          // Lists lie all over memory.
          if (i + 2 * kOffersAhead < offers.size()) __builtin_prefetch(&lists_[offers[i + 2 * kOffersAhead].owner]);
          if (i + kOffersAhead < offers.size()) lists_[offers[i + kOffersAhead].owner].prefetch();
          lists_[offers[i].owner].offer(offers[i].entry, [&](std::uint32_t partner) { return !alive[partner]; });
        }
      }
    }
  });
}

void MergeSearch::compact(const Job& job, const std::vector<std::uint32_t>& kept) {
  // A bound may stand on a neuron that is gone: the next living one takes its place, since ties go by position.
  std::vector<std::uint32_t> place(neurons_.size(), static_cast<std::uint32_t>(kept.size()));
  std::size_t next = kept.size();
  for (std::size_t p = place.size(); p-- > 0;) {
    if (next > 0 && kept[next - 1] == p) --next;
    place[p] = static_cast<std::uint32_t>(next);
  }
  const auto gone = [&](std::uint32_t p) { return place[p] == kept.size() || kept[place[p]] != p; };
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
