// The probabilities of a symbol, learnt from those coded so far. Counts are added up symbol by symbol, but turned into
// shares only between runs (`settle`), so that coding looks up a table that does not change under it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/rans.h"

namespace herm {

template <std::size_t Size>
class AdaptiveModel {
 public:
  static_assert(Size >= 2 && Size <= 256);

  // Counts that stand for kPriorWeight symbols or so, as if seen before: they are learnt away.
  explicit AdaptiveModel(const std::array<std::uint16_t, Size>& prior) {
    for (std::size_t s = 0; s < Size; ++s) total_ += counts_[s] = prior[s];
    rebuild();
  }

  template <class Encoder>
  void put(Encoder& coder, unsigned state, std::size_t symbol) {
    coder.put(state, share(symbol));
    count(symbol);
  }
  template <class Decoder>
  HERM_INLINE std::size_t get(Decoder& coder, unsigned state) {
    const std::uint32_t slot = coder.slot(state);
    std::size_t symbol = first_[slot >> kFirstShift];
    symbol += starts_[symbol + 1] <= slot;  // hardly ever more than one further, and unpredictable
    while (starts_[symbol + 1] <= slot) ++symbol;
    coder.take(state, share(symbol));
    count(symbol);
    return symbol;
  }

  // Learns what was coded since the last time, once it is an eighth of everything known. Encoder and decoder call it at
  // the same places.
  void settle() {
    if (news_ * 8 < std::max(total_ + news_, kLeastNews)) return;
    total_ += news_;
    if (total_ > kMostCounts) halve();
    rebuild();
    news_ = 0;
  }

 private:
  static constexpr std::uint32_t kIncrement = 16, kLeastNews = 8 * 16 * kIncrement, kMostCounts = 1u << 20;
  static constexpr int kFirstBits = 10, kFirstShift = kProbabilityBits - kFirstBits;

  Share share(std::size_t symbol) const {
    const std::uint32_t start = starts_[symbol];
    return {start, starts_[symbol + 1] - start};
  }
  void count(std::size_t symbol) {
    counts_[symbol] += kIncrement;
    news_ += kIncrement;
  }
  void halve() {
    total_ = 0;
    for (std::uint32_t& c : counts_) total_ += c -= c / 2;
  }
  // Every symbol gets 2^−15 and its share of the rest; what rounding leaves goes to the first of the most frequent
  // ones.
  void rebuild() {
    const auto most = static_cast<std::size_t>(std::max_element(counts_.begin(), counts_.end()) - counts_.begin());
    std::array<std::uint32_t, Size> sizes;
    std::uint32_t used = 0;
    // Quotients lie so far from the next whole number that rounding does not reach it.
    const double total = total_;
    for (std::size_t s = 0; s < Size; ++s) {
      const double rest = static_cast<double>(counts_[s]) * static_cast<double>(kProbabilityTotal - Size);
      used += sizes[s] = 1 + static_cast<std::uint32_t>(static_cast<std::int32_t>(rest / total));
    }
    sizes[most] += kProbabilityTotal - used;
    std::uint32_t start = 0;
    for (std::size_t s = 0; s < Size; ++s) {
      starts_[s] = static_cast<std::uint16_t>(start);
      // The symbols that own the first slot of each 2^5: where a search for the others starts.
      for (std::uint32_t slot = (start + (1 << kFirstShift) - 1) >> kFirstShift; slot << kFirstShift < start + sizes[s];
           ++slot)
        first_[slot] = static_cast<std::uint8_t>(s);
      start += sizes[s];
    }
    starts_[Size] = static_cast<std::uint16_t>(start);
  }

  std::array<std::uint32_t, Size> counts_{};
  std::array<std::uint16_t, Size + 1> starts_{};
  std::array<std::uint8_t, 1 << kFirstBits> first_{};
  std::uint32_t total_ = 0, news_ = 0;  // counts that the shares know of, and those after them
};

}  // namespace herm
