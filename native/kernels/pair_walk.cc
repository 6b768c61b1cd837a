#include "kernels/pair_walk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "kernels/gram.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kBand = 192;                    // rows of the Gram matrices made at a time
constexpr std::size_t kPiece = 2048;                  // and columns, in one call
constexpr std::size_t kChunk = std::size_t{1} << 16;  // pairs that a thread sorts at a time

// The pairs by the bands that their lower places are in.
class BandOrder {
 public:
  BandOrder(const Job& job, const PairIndex& index) : ends_((index.neurons().size() + kBand - 1) / kBand) {
    const std::size_t count = index.count(), chunks = (count + kChunk - 1) / kChunk, bands = ends_.size();
    if (count > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("too many pairs");
    const auto band_of = [&index](std::size_t k) {
      const auto [i, j] = index.places(k);
      return std::min(i, j) / kBand;
    };
    // How many pairs of each chunk are in each band, afterwards where they go. [chunks×bands]
    std::vector<std::size_t> slots(checked_mul(chunks, bands));
    std::atomic<bool> sorted{true};
    parallel_for(job, count, kChunk, [&](std::size_t begin, std::size_t end) {
      std::size_t* own = &slots[begin / kChunk * bands];
      bool rising = true;
      for (std::size_t k = begin, last = band_of(begin == 0 ? 0 : begin - 1); k < end; ++k) {
        const std::size_t band = band_of(k);
        rising &= last <= band;
        last = band;
        ++own[band];
      }
      if (!rising) sorted.store(false);
    });
    std::size_t at = 0;
    for (std::size_t b = 0; b < bands; ++b) {
      for (std::size_t c = 0; c < chunks; ++c) {
        const std::size_t size = slots[c * bands + b];
        slots[c * bands + b] = at;
        at += size;
      }
      ends_[b] = at;
    }
    if (sorted.load()) return;
    order_.resize(count);
    parallel_for(job, count, kChunk, [&](std::size_t begin, std::size_t end) {
      std::size_t* own = &slots[begin / kChunk * bands];
      for (std::size_t k = begin; k < end; ++k) order_[own[band_of(k)]++] = static_cast<std::uint32_t>(k);
    });
  }

  std::size_t bands() const { return ends_.size(); }
  // Positions of a band's pairs.
  std::size_t begin(std::size_t band) const { return band == 0 ? 0 : ends_[band - 1]; }
  std::size_t end(std::size_t band) const { return ends_[band]; }
  // The pair at a position.
  std::size_t operator[](std::size_t position) const { return order_.empty() ? position : order_[position]; }

 private:
  std::vector<std::size_t> ends_;     // per band
  std::vector<std::uint32_t> order_;  // empty where the list is in this order
};

// Memory for bands, handed from one band to the next: fresh pages would cost as much as filling them.
class BandMemory {
 public:
  explicit BandMemory(std::size_t size) : size_(size) {}

  std::unique_ptr<double[]> take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) return std::make_unique_for_overwrite<double[]>(size_);
    auto memory = std::move(free_.back());
    free_.pop_back();
    return memory;
  }
  void give_back(std::unique_ptr<double[]> memory) {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(memory));
  }

 private:
  std::size_t size_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<double[]>> free_;
};

using Body = std::function<void(const PairBatch&, const std::size_t*)>;

// Pairs at positions [begin, end) in batches. number(position) is a pair, entries(i, j) its two off-diagonal entries.
template <class Number, class Entries>
void batches(const PairIndex& index, const PairGrams& grams, std::size_t begin, std::size_t end, const Number& number,
             const Entries& entries, const Body& body) {
  PairBatch batch;
  std::array<std::size_t, kPairBatch> numbers;
  for (std::size_t at = begin; at < end; at += kPairBatch) {
    batch.size = std::min(kPairBatch, end - at);
    for (std::size_t k = 0; k < batch.size; ++k) {
      numbers[k] = number(at + k);
      const auto places = index.places(numbers[k]);
      const std::size_t i = std::min(places.first, places.second), j = std::max(places.first, places.second);
      const auto [input, output] = entries(i, j);
      batch.in11[k] = grams.input_diagonal[i];
      batch.in12[k] = input;
      batch.in22[k] = grams.input_diagonal[j];
      batch.out11[k] = grams.output_diagonal[i];
      batch.out12[k] = output;
      batch.out22[k] = grams.output_diagonal[j];
    }
    body(batch, numbers.data());
  }
}

void dense_batches(const Job& job, const PairIndex& index, const PairGrams& grams, const Body& body) {
  const std::size_t m = index.neurons().size(), size = checked_mul(kBand, m);
  const BandOrder order(job, index);
  BandMemory bands(checked_mul(2, size));
  parallel_for(job, order.bands(), 1, [&](std::size_t band, std::size_t) {
    const std::size_t begin = order.begin(band), end = order.end(band);
    if (begin == end) return;
    const std::size_t i0 = band * kBand, i1 = std::min(m, i0 + kBand), cols = m - i0;
    auto memory = bands.take();
    const MutMatrix input(memory.get(), i1 - i0, cols), output(memory.get() + size, i1 - i0, cols);
    for (std::size_t j = i0; j < m; j += kPiece) {
      job.check();
      const std::size_t j1 = std::min(m, j + kPiece);
      const auto piece = [&](const MutMatrix& whole) {
        return MutMatrix{whole.data + (j - i0), whole.rows, j1 - j, whole.stride};
      };
      grams.tile({i0, i1, j, j1}, piece(input), piece(output));
    }
    const auto number = [&](std::size_t position) { return order[position]; };
    const auto entries = [&](std::size_t i, std::size_t j) {
      return std::pair{input(i - i0, j - i0), output(i - i0, j - i0)};
    };
    batches(index, grams, begin, end, number, entries, body);
    bands.give_back(std::move(memory));
  });
}

}  // namespace

void for_each_batch(const Job& job, const PairIndex& index, const PairGrams& grams, const Body& body) {
  if (index.dense()) return dense_batches(job, index, grams, body);
  const auto number = [](std::size_t position) { return position; };
  parallel_for(job, index.count(), kPairBatch, [&](std::size_t begin, std::size_t end) {
    batches(index, grams, begin, end, number, grams.entry, body);
  });
}

std::vector<double> gram_diagonal(const Job& job, ConstMatrix a) {
  constexpr std::size_t kBlock = 64;
  std::vector<double> diagonal(a.rows);
  parallel_for(job, a.rows, kBlock, [&](std::size_t begin, std::size_t end) {
    const ConstMatrix rows = a.rows_from(begin, end);
    Matrix block(rows.rows, rows.rows);
    multiply_rows(rows, rows, block.view());
    for (std::size_t i = begin; i < end; ++i) diagonal[i] = block(i - begin, i - begin);
  });
  return diagonal;
}

}  // namespace herm
