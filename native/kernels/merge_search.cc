#include "kernels/merge_search.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <queue>

#include "kernels/profile_table.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kOwners = 64;    // owners that a thread takes at a time
constexpr std::size_t kColumns = 512;  // positions of a sweep: their profiles stay in the cache
constexpr std::size_t kParents = 4;    // parents that a thread takes at a time
constexpr std::size_t kShares = 8;     // pieces into which owners are cut where each has little to do
constexpr std::size_t kBatch = 64;     // owners that are looked up at once
constexpr double kFree = 1e-9;         // of the owner's energy

// Hardly any swept estimate matters: whole stretches are passed over at once.
constexpr std::size_t kStretch = 16;
bool none_below(const float* r, float worst) {
  int any = 0;
  for (std::size_t l = 0; l < kStretch; ++l) any |= static_cast<int>(r[l] < worst);
  return any == 0;
}
// Whether nobody along a stretch can matter to a parent: neither as the owner of their pair nor as one of the partners
// that the parent itself keeps, who are at least as strong.
bool none_matters(const float* r, const float* limits, const float* strengths, float worst, float strength) {
  int any = 0;
  for (std::size_t l = 0; l < kStretch; ++l)
    any |= static_cast<int>(r[l] < limits[l]) |
           (static_cast<int>(r[l] < worst) & static_cast<int>(strengths[l] >= strength));
  return any == 0;
}

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
    : neurons_(neurons), gram_(gram), lists_(neurons.size()) {
  fill_all(job);
}

// All pairs, a few owners and columns at a time.
void MergeSearch::fill_all(const Job& job) {
  const std::size_t m = neurons_.size();
  parallel_for(job, m, kOwners, [&](std::size_t begin, std::size_t end) {
    std::vector<Smallest> smallest(end - begin);
    std::array<float, kColumns + kSweepPadding> r;
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
        neurons_.sweep(owner, from, column_end, row.data(), r.data());
        if (neurons_.energy(owner) == 0) std::fill_n(r.data(), column_end - from, 0.0F);
        Smallest& best = smallest[owner - begin];
        for (std::size_t j = from; j < column_end; j += kStretch) {
          const std::size_t stretch_end = std::min(column_end, j + kStretch);
          if (stretch_end == j + kStretch && none_below(&r[j - from], best.worst())) continue;
          for (std::size_t i = j; i < stretch_end; ++i)
            if (r[i - from] < best.worst()) best.add(r[i - from], static_cast<std::uint32_t>(i));
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
  neurons_.sweep(owner, 0, owner, window.row(0).data(), r.data());
  neurons_.sweep(owner, owner + 1, size, shifted(window.row(0), owner + 1).data(), r.data() + owner + 1);
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

std::vector<RankedPair> MergeSearch::match(const Job& job, std::size_t count, const std::vector<char>& alive) {
  std::vector<char> available(alive);
  std::vector<RankedPair> owners;
  for (std::uint32_t p = 0; p < lists_.size(); ++p) {
    if (!alive[p]) continue;
    const RankedPair next = lists_[p].next(p);
    if (next.partner != kNone) owners.push_back(next);
  }
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
  const std::size_t size = neurons_.size(), parents = size - first_new;
  lists_.resize(size);
  // Swept estimates from which on an owner does not want to hear of a new partner; a little high, since lists decide.
  std::vector<float> limits(size, std::numeric_limits<float>::infinity()), strengths(size);
  for (std::size_t p = 0; p < size; ++p) strengths[p] = static_cast<float>(neurons_.energy(p));
  parallel_for(job, first_new, kColumns, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      if (!alive[p]) {
        limits[p] = -1;
        continue;
      }
      lists_[p].drop([&](std::uint32_t partner) { return !alive[partner]; });
      limits[p] = lists_[p].limit(neurons_.energy(p));
    }
  });
  struct Offer {
    std::uint32_t owner;
    Candidate entry;
  };
  // Parents fill their own lists; what they offer to others waits until all lists are there.
  std::vector<std::vector<Offer>> offers((parents + kParents - 1) / kParents);
  parallel_for(job, parents, kParents, [&](std::size_t begin, std::size_t end) {
    std::array<Smallest, kParents> smallest;
    std::array<float, kColumns + kSweepPadding> r;
    auto& out = offers[begin / kParents];
    const auto weigh = [&](std::size_t j, float swept, std::uint32_t parent, Smallest& own, std::vector<Offer>& to) {
      const bool may_own = swept < own.worst() && strengths[j] >= strengths[parent];
      if (!(swept < limits[j] || may_own) || !alive[j]) return;
      if (neurons_.owns(parent, j)) {
        if (swept < own.worst()) own.add(swept, static_cast<std::uint32_t>(j));
      } else if (swept < limits[j]) {
        const double cost = neurons_.energy(j) * static_cast<double>(swept);
        to.push_back({static_cast<std::uint32_t>(j), {cost, parent, swept, false}});
      }
    };
    std::vector<std::uint32_t> group(end - begin);
    std::iota(group.begin(), group.end(), static_cast<std::uint32_t>(first_new + begin));
    GramWindow window;
    for (std::size_t column = 0; column < first_new + end; column += kColumns) {
      gram_.read(group, column, std::min(size, column + kColumns), window);
      for (std::size_t t = begin; t < end; ++t) {
        const auto parent = static_cast<std::uint32_t>(first_new + t);
        const std::size_t column_end = std::min<std::size_t>(parent, column + kColumns);
        if (column >= column_end) continue;
        neurons_.sweep(parent, column, column_end, window.row(t - begin).data(), r.data());
        if (neurons_.energy(parent) == 0) std::fill_n(r.data(), column_end - column, 0.0F);
        Smallest& own = smallest[t - begin];
        for (std::size_t j = column; j < column_end; j += kStretch) {
          const std::size_t stretch_end = std::min(column_end, j + kStretch);
          if (stretch_end == j + kStretch &&
              none_matters(&r[j - column], &limits[j], &strengths[j], own.worst(), strengths[parent]))
            continue;
          for (std::size_t i = j; i < stretch_end; ++i) weigh(i, r[i - column], parent, own, out);
        }
      }
    }
    for (std::size_t t = begin; t < end; ++t) {
      const auto parent = static_cast<std::uint32_t>(first_new + t);
      lists_[parent].extend(smallest[t - begin], neurons_.energy(parent));
    }
  });
  // Every owner hears of the parents in their order, whichever thread it belongs to.
  parallel_for(job, size, (size + kShares - 1) / kShares, [&](std::size_t begin, std::size_t end) {
    for (const auto& group : offers)
      for (const Offer& offer : group)
        if (offer.owner >= begin && offer.owner < end) lists_[offer.owner].offer(offer.entry);
  });
}

void MergeSearch::compact(const std::vector<std::uint32_t>& kept) {
  // A bound may stand on a neuron that is gone: the next living one takes its place, since ties go by position.
  std::vector<std::uint32_t> place(neurons_.size(), static_cast<std::uint32_t>(kept.size()));
  std::size_t next = kept.size();
  for (std::size_t p = place.size(); p-- > 0;) {
    if (next > 0 && kept[next - 1] == p) --next;
    place[p] = static_cast<std::uint32_t>(next);
  }
  for (std::size_t p = 0; p < kept.size(); ++p) {
    if (kept[p] != p) lists_[p] = std::move(lists_[kept[p]]);
    lists_[p].renumber(place);
  }
  lists_.resize(kept.size());
}

}  // namespace herm
