// Slots in which no neuron lives, counted and found by rank: a Fenwick tree.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace herm {

class FreeSlots {
 public:
  // All `slots` are free.
  explicit FreeSlots(std::size_t slots) : counts_(slots + 1), taken_(slots), total_(slots) {
    for (std::size_t k = 1; k <= slots; ++k) counts_[k] = static_cast<std::uint32_t>(k & (~k + 1));
  }

  bool free(std::size_t slot) const { return slot < taken_.size() && taken_[slot] == 0; }
  void take(std::size_t slot) {
    taken_[slot] = 1;
    --total_;
    for (std::size_t k = slot + 1; k < counts_.size(); k += k & (~k + 1)) --counts_[k];
  }
  std::size_t total() const { return total_; }
  // Free slots below this one.
  std::size_t below(std::size_t slot) const {
    std::size_t count = 0;
    for (std::size_t k = slot; k > 0; k &= k - 1) count += counts_[k];
    return count;
  }
  // The free slot that has `rank` < total() others below it.
  std::size_t at(std::size_t rank) const {
    std::size_t slot = 0;
    for (std::size_t step = std::bit_floor(counts_.size() - 1); step > 0; step >>= 1) {
      if (slot + step < counts_.size() && counts_[slot + step] <= rank) {
        slot += step;
        rank -= counts_[slot];
      }
    }
    return slot;
  }

 private:
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint8_t> taken_;
  std::size_t total_;
};

}  // namespace herm
