// Slots in which no neuron lives, counted and found by rank. What it holds grows with the slots that are taken: how
// many there are is only what a file says.
#pragma once

#include <bit>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace herm {

// Numbers whose sums up to any place are found and changed in logarithmic time: a Fenwick tree.
template <class Number>
class PrefixSums {
 public:
  // `size` times `each`.
  PrefixSums(std::size_t size, std::size_t each) : sums_(size + 1) {
    for (std::size_t k = 1; k <= size; ++k) sums_[k] = static_cast<Number>((k & (~k + 1)) * each);
  }

  void subtract(std::size_t place, std::size_t amount) {
    for (std::size_t k = place + 1; k < sums_.size(); k += k & (~k + 1)) sums_[k] -= static_cast<Number>(amount);
  }
  // The sum of the numbers before this place.
  std::size_t before(std::size_t place) const {
    std::size_t sum = 0;
    for (std::size_t k = place; k > 0; k &= k - 1) sum += sums_[k];
    return sum;
  }
  // The first place with more than `sum` up to its end; what of `sum` is before it is taken off.
  std::size_t find(std::size_t& sum) const {
    std::size_t place = 0;
    for (std::size_t step = std::bit_floor(sums_.size() - 1); step > 0; step >>= 1) {
      if (place + step < sums_.size() && sums_[place + step] <= sum) {
        place += step;
        sum -= sums_[place];
      }
    }
    return place;
  }

 private:
  std::vector<Number> sums_;
};

class FreeSlots {
 public:
  // All `slots` are free.
  explicit FreeSlots(std::size_t slots)
      : slots_(slots), total_(slots), pages_((slots + kPage - 1) / kPage), free_of_page_(pages_.size(), kPage) {}

  bool free(std::size_t slot) const {
    return slot < slots_ && !(pages_[slot / kPage] && pages_[slot / kPage]->taken[slot % kPage]);
  }
  void take(std::size_t slot) {
    std::unique_ptr<Page>& page = pages_[slot / kPage];
    if (!page) page = std::make_unique<Page>();
    page->taken[slot % kPage] = true;
    page->free.subtract(slot % kPage, 1);
    free_of_page_.subtract(slot / kPage, 1);
    --total_;
  }
  std::size_t total() const { return total_; }
  // Free slots below this one.
  std::size_t below(std::size_t slot) const {
    const std::size_t number = slot / kPage, rest = slot % kPage;
    const bool whole = number == pages_.size() || !pages_[number];
    return free_of_page_.before(number) + (whole ? rest : pages_[number]->free.before(rest));
  }
  // The free slot that has `rank` < total() others below it.
  std::size_t at(std::size_t rank) const {
    const std::size_t number = free_of_page_.find(rank);
    return kPage * number + (pages_[number] ? pages_[number]->free.find(rank) : rank);
  }

 private:
  static constexpr std::size_t kPage = 4096;

  // The last one may reach beyond the slots; ranks do not.
  struct Page {
    PrefixSums<std::uint16_t> free{kPage, 1};
    std::bitset<kPage> taken;
  };

  std::size_t slots_, total_;
  std::vector<std::unique_ptr<Page>> pages_;
  PrefixSums<std::uint32_t> free_of_page_;
};

}  // namespace herm
