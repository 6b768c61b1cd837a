#include "kernels/pair_index.h"

#include <atomic>
#include <stdexcept>

#include "kernels/threads.h"

namespace herm {

PairIndex::PairIndex(const Job& job, const std::uint32_t* pairs, std::size_t count, std::size_t total)
    : pairs_(pairs), count_(count), place_(total) {
  constexpr std::size_t kChunk = std::size_t{1} << 16;  // indices
  parallel_for(job, checked_mul(count, 2), kChunk, [&](std::size_t begin, std::size_t end) {
    std::uint32_t largest = 0;
    for (std::size_t k = begin; k < end; ++k) largest = std::max(largest, pairs[k]);
    if (largest >= total) throw std::invalid_argument("a pair names a neuron that does not exist");
    for (std::size_t k = begin; k < end; ++k) {
      // Read first: threads that only read do not take cache lines from one another.
      const std::atomic_ref<std::uint32_t> used(place_[pairs[k]]);
      if (used.load(std::memory_order_relaxed) == 0) used.store(1, std::memory_order_relaxed);
    }
  });
  for (std::uint32_t i = 0; i < total; ++i) {
    if (place_[i] == 0) continue;
    place_[i] = static_cast<std::uint32_t>(neurons_.size());
    neurons_.push_back(i);
  }
}

}  // namespace herm
