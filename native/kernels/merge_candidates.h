// An owner's cheapest partners in the search for merges: as many as are worth remembering, and a bound on all others.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/ranked_pair.h"

namespace herm {

constexpr std::size_t kKept = 8;  // partners that a scan keeps
constexpr auto kNone = std::numeric_limits<std::uint32_t>::max();

// A partner and what merging with it costs.
struct Candidate {
  double cost;  // by the sweep, or looked up
  std::uint32_t partner;
  float swept;
  bool exact;

  bool operator<(const Candidate& other) const {
    return cost < other.cost || (cost == other.cost && partner < other.partner);
  }
};

constexpr Candidate kNobody{std::numeric_limits<double>::infinity(), kNone, 0, false};

// The few smallest of a stream of swept estimates (for an owner without energy all are 0: its pairs cost nothing, and
// are told apart by position alone), ties in the order of arrival.
class Smallest {
 public:
  float worst() const { return size_ < kKept ? std::numeric_limits<float>::infinity() : values_[kKept - 1]; }
  void add(float value, std::uint32_t partner) {
    std::size_t at = std::min(size_, kKept - 1);
    if (size_ < kKept) ++size_;
    for (; at > 0 && values_[at - 1] > value; --at) {
      values_[at] = values_[at - 1];
      partners_[at] = partners_[at - 1];
    }
    values_[at] = value;
    partners_[at] = partner;
  }
  // As candidates of an owner of that energy, ascending.
  std::vector<Candidate> candidates(double energy) const {
    std::vector<Candidate> found;
    found.reserve(size_);
    for (std::size_t i = 0; i < size_; ++i)
      found.push_back({energy * static_cast<double>(values_[i]), partners_[i], values_[i], false});
    return found;
  }

 private:
  std::size_t size_ = 0;
  std::array<float, kKept> values_;
  std::array<std::uint32_t, kKept> partners_;
};

// An owner's partners in ascending order. Whoever is not listed comes after `rest`.
class CandidateList {
 public:
  const std::vector<Candidate>& entries() const { return entries_; }
  // Where the next partner stands in the schedule, or a bound on it.
  RankedPair next(std::uint32_t owner) const {
    const RankedPair rest{rest_.cost, owner, rest_.partner};
    if (entries_.empty()) return rest;
    return std::min(rest, {entries_.front().cost, owner, entries_.front().partner});
  }
  // Asks for the entries, which are read soon.
  void prefetch() const { __builtin_prefetch(entries_.data()); }
  bool next_is_listed() const { return !entries_.empty() && (complete_ || !(rest_ < entries_.front())); }

  template <class Gone>
  void drop(Gone gone) {
    std::erase_if(entries_, [&](const Candidate& e) { return gone(e.partner); });
  }
  // The same, as far as it takes to have somebody at the front who is not gone.
  template <class Gone>
  void drop_front(Gone gone) {
    const auto there =
        std::find_if_not(entries_.begin(), entries_.end(), [&](const Candidate& e) { return gone(e.partner); });
    entries_.erase(entries_.begin(), there);
  }
  // Whether a new partner, younger than all others, would have to be listed.
  bool wants(double cost) const { return complete_ || cost < rest_.cost; }
  float limit(double energy) const {
    constexpr float kSlack = 1.000001F;
    return complete_ || !(energy > 0) ? std::numeric_limits<float>::infinity()
                                      : kSlack * static_cast<float>(rest_.cost / energy);
  }
  // Lists that have grown long forget who is gone, and are cut where that is not enough.
  template <class Gone>
  void offer(const Candidate& entry, Gone gone) {
    if (!wants(entry.cost)) return;
    insert(entry);
    if (entries_.size() <= 2 * kKept) return;
    drop(gone);
    if (entries_.size() <= 2 * kKept) return;
    if (entries_[kKept - 1] < rest_) rest_ = entries_[kKept - 1];
    complete_ = false;
    entries_.resize(kKept);
  }
  void insert(const Candidate& entry) {
    entries_.insert(std::upper_bound(entries_.begin(), entries_.end(), entry), entry);
  }
  // After a scan of all partners that are not listed.
  void extend(const Smallest& scanned, double energy) {
    const auto found = scanned.candidates(energy);
    entries_.reserve(2 * kKept + 1);
    complete_ = found.size() < kKept;
    rest_ = complete_ ? kNobody : found.back();
    for (const Candidate& entry : found) insert(entry);
  }
  // The first entry's cost became known.
  void settle(double cost) {
    Candidate entry = entries_.front();
    entry.cost = cost;
    entry.exact = true;
    entries_.erase(entries_.begin());
    insert(entry);
  }
  // New positions; all partners listed are among the living.
  void renumber(const std::vector<std::uint32_t>& place) {
    for (Candidate& entry : entries_) entry.partner = place[entry.partner];
    if (!complete_) rest_.partner = place[rest_.partner];
  }

 private:
  std::vector<Candidate> entries_;
  Candidate rest_ = kNobody;
  bool complete_ = true;
};

}  // namespace herm
