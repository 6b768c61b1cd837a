// Lanes whose numbers resemble those some way before them, as those of neighbouring pixels do: a coded child is then
// told in the light of a prediction, from its parent and from its own numbers so far.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/float_grid.h"
#include "kernels/lane_models.h"

namespace herm {

// How many elements further back the numbers are that predict one.
using Distances = std::vector<std::uint16_t>;

// Expected is λ·p_e + Σ κ_k·(c_{e−d_k} − λ·p_{e−d_k}): the parent's share, and what its neighbours had beside that.
// λ, κ_1, … in units of 1/32.
struct PredictionWeights {
  int parent = 0;
  std::array<int, kMostDistances> neighbours{};
};
inline constexpr double kPredictionUnit = 1.0 / 32;

// Where what is expected lies, as contexts of a number.
struct Expectation {
  std::size_t magnitude = 0;  // 0: nothing is expected; else as of a parent's number (lane_models.h)
  bool negative = false;
};

// Runs along a lane. IEEE operations in a fixed order: encoder and decoder expect the same.
template <DType D>
class LanePrediction {
 public:
  using Format = FloatGrid<D>;
  using Word = typename Format::Word;

  explicit LanePrediction(std::size_t size) : base_(size), rest_(size) {}

  Distances distances;

  // For the elements [from, to), whose parents' numbers are known.
  void start(const PredictionWeights& weights, const std::vector<Word>& parents, std::size_t from, std::size_t to) {
    from_ = from;
    for (std::size_t k = 0; k < distances.size(); ++k) weights_[k] = weights.neighbours[k] * kPredictionUnit;
    const double of_parent = weights.parent * kPredictionUnit;
    for (std::size_t e = from; e < to; ++e) base_[e] = of_parent * Format::to_double(parents[e]);
  }
  // `shift` of the element, `scale` of the lane (strip.h).
  Expectation at(std::size_t e, int shift, int scale) const {
    double expected = base_[e];
    for (std::size_t k = 0; k < distances.size(); ++k) {
      if (e - from_ >= distances[k]) expected += weights_[k] * rest_[e - distances[k]];
    }
    if (expected == 0 || !std::isfinite(expected)) return {};
    return {static_cast<std::size_t>(magnitude_class(4 * (level(expected) - shift) - scale)), expected < 0};
  }
  // The number that is there.
  void learn(std::size_t e, Word word) { rest_[e] = Format::to_double(word) - base_[e]; }

 private:
  // Four to a power of two, as of a number of the format (number_code.h).
  static int level(double x) {
    constexpr int kBias = 1023;
    return static_cast<int>((std::bit_cast<std::uint64_t>(x) << 1) >> 51) - 4 * (kBias - Format::kBias);
  }

  std::vector<double> base_, rest_;  // λ·p, and what the child has beside it
  std::array<double, kMostDistances> weights_{};
  std::size_t from_ = 0;
};

}  // namespace herm
