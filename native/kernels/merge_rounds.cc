#include "kernels/merge_rounds.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kCandidates = 8;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Candidate {
  double cost;
  std::uint32_t partner;
  bool operator<(const Candidate& other) const { return std::tie(cost, partner) < std::tie(other.cost, other.partner); }
};

// A neuron's cheapest partners, ascending. Invariant: every living partner that is not listed costs at least as much as
// the last one listed, so the first is the true nearest for as long as the list is not empty.
class CandidateList {
 public:
  double worst() const { return entries_.size() < kCandidates ? kInfinity : entries_.back().cost; }
  bool empty() const { return entries_.empty(); }
  double last_cost() const { return entries_.empty() ? -kInfinity : entries_.back().cost; }
  const std::vector<Candidate>& entries() const { return entries_; }

  void clear() { entries_.clear(); }
  void insert(const Candidate& candidate) {
    entries_.insert(std::upper_bound(entries_.begin(), entries_.end(), candidate), candidate);
    if (entries_.size() > kCandidates) entries_.pop_back();
  }
  template <class Gone>
  void drop(Gone gone) {
    std::erase_if(entries_, [&](const Candidate& c) { return gone(c.partner); });
  }

 private:
  std::vector<Candidate> entries_;
};

class Rounds {
 public:
  Rounds(const Job& job, MergeState& state, double share)
      : job_(job), state_(state), share_(share), lists_(state.size()) {}

  std::vector<Merge> run() {
    std::vector<std::uint32_t> all(state_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint32_t>(i);
    if (all.size() > 1) scan(all, {});
    std::vector<Merge> merges;
    const double goal = static_cast<double>(std::max<std::size_t>(state_.size(), 2) - 1);
    while (state_.living() > 1) {
      job_.check();
      const auto pairs = match();
      state_.apply(job_, pairs, merges);
      if (state_.living() > 1) refresh(pairs);
      job_.progress(static_cast<double>(merges.size()) / goal);
    }
    return merges;
  }

 private:
  using Pair = std::pair<std::uint32_t, std::uint32_t>;
  struct Found {
    std::uint32_t slot;
    Candidate candidate;
  };

  std::vector<Pair> match() const {
    std::vector<std::tuple<double, std::uint32_t, std::uint32_t>> offers;
    for (std::uint32_t i = 0; i < lists_.size(); ++i) {
      if (!state_.alive(i)) continue;
      for (const Candidate& c : lists_[i].entries()) {
        const auto [low, high] = std::minmax(i, c.partner);
        offers.emplace_back(c.cost, low, high);
      }
    }
    std::sort(offers.begin(), offers.end());
    const auto limit =
        std::max<std::size_t>(1, static_cast<std::size_t>(share_ * static_cast<double>(state_.living())));
    std::vector<char> taken(lists_.size(), 0);
    std::vector<Pair> pairs;
    for (const auto& [cost, i, j] : offers) {
      if (taken[i] || taken[j]) continue;
      taken[i] = taken[j] = 1;
      pairs.emplace_back(i, j);
      if (pairs.size() == limit) break;
    }
    return pairs;
  }

  // After a round: forget who is gone or changed, search anew for parents and for neurons that have nobody left, and
  // offer the parents to everybody else.
  void refresh(const std::vector<Pair>& pairs) {
    std::vector<char> touched(lists_.size(), 0);
    for (const auto& [i, j] : pairs) touched[i] = touched[j] = 1;
    std::vector<std::uint32_t> parents, lost;
    for (std::uint32_t s = 0; s < lists_.size(); ++s) {
      if (touched[s]) {
        lists_[s].clear();
        if (state_.alive(s)) parents.push_back(s);
      } else if (state_.alive(s)) {
        lists_[s].drop([&](std::uint32_t partner) { return touched[partner] != 0; });
        if (lists_[s].empty()) lost.push_back(s);
      }
    }
    scan(parents, touched);
    scan(lost, {});
  }

  // Fills the lists of `slots`. Where `offering` marks parents, unmarked neurons with a list get them as partners too.
  void scan(const std::vector<std::uint32_t>& slots, const std::vector<char>& offering) {
    std::vector<std::vector<Found>> offers(slots.size());
    parallel_for(job_, slots.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t s = begin; s < end; ++s) search(slots[s], offering, offers[s]);
    });
    for (const auto& offer : offers)
      for (const Found& found : offer) {
        CandidateList& list = lists_[found.slot];
        // Beyond the last listed cost the list knows nothing of the others: inserting there would break its invariant.
        if (found.candidate.cost < list.last_cost()) list.insert(found.candidate);
      }
  }

  // Exact search of one neuron's cheapest partners: absorbing bounds an estimate from above, σ_2² from below, and only
  // partners whose lower bound undercuts the best estimates so far are evaluated.
  void search(std::uint32_t slot, const std::vector<char>& offering, std::vector<Found>& offers) {
    struct Bounded {
      double lower;
      std::uint32_t partner;
    };
    thread_local std::vector<Bounded> open;
    thread_local std::vector<double> uppers;
    open.clear();
    uppers.clear();
    for (std::uint32_t j = 0; j < lists_.size(); ++j) {
      if (j == slot || !state_.alive(j)) continue;
      open.push_back({state_.lower_bound(slot, j), j});
      uppers.push_back(state_.upper_bound(slot, j));
    }
    const std::size_t keep = std::min(kCandidates, uppers.size());
    std::nth_element(uppers.begin(), uppers.begin() + static_cast<std::ptrdiff_t>(keep - 1), uppers.end());
    const double within = uppers[keep - 1];
    const auto offered = [&](std::uint32_t j, double lower) {
      return !offering.empty() && !offering[j] && lower < lists_[j].last_cost();
    };
    std::erase_if(open, [&](const Bounded& b) { return b.lower > within && !offered(b.partner, b.lower); });
    std::sort(open.begin(), open.end(), [](const Bounded& a, const Bounded& b) {
      return std::tie(a.lower, a.partner) < std::tie(b.lower, b.partner);
    });

    CandidateList& list = lists_[slot];
    for (const auto& [lower, partner] : open) {
      const bool offer = offered(partner, lower);
      // Not >=: the bounds carry rounding, and equal costs are told apart by slot.
      if (!offer && lower > list.worst()) continue;
      const Candidate candidate{state_.estimate(slot, partner), partner};
      if (candidate < Candidate{list.worst(), std::numeric_limits<std::uint32_t>::max()}) list.insert(candidate);
      if (offer) offers.push_back({partner, {candidate.cost, slot}});
    }
  }

  const Job& job_;
  MergeState& state_;
  double share_;
  std::vector<CandidateList> lists_;
};

}  // namespace

std::vector<Merge> merge_rounds(const Job& job, MergeState& state, double round_share) {
  if (!(round_share >= 0 && round_share <= 1)) throw std::invalid_argument("the share of a round is not from 0 to 1");
  return Rounds(job, state, round_share).run();
}

}  // namespace herm
