// What the encoder of lanes finds out for their predictions (lane_prediction.h): how far to look back, and how much
// what is there tells. Decoders read what came out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "kernels/lane_prediction.h"

namespace herm {

// Of lanes as sequences, each scaled to length 1: sums of products of elements that are 0, 1, … elements apart.
class Autocovariance {
 public:
  // Lags up to half of `size`, the length of the lanes.
  explicit Autocovariance(std::size_t size) : sums_(std::min(size / 2, kMostDistance) + 1) {}

  void add(std::span<const double> lane);
  std::span<const double> sums() const { return sums_; }

 private:
  std::vector<double> sums_;
};

// The distances that predict a stationary sequence best, the best one first; none where they tell next to nothing.
Distances choose_distances(std::span<const double> autocovariance);

struct PredictionFit {
  PredictionWeights weights;
  double correlation = 0;  // of what is expected and what is there
};
// Least squares of `child` [n], of which element e counts as if multiplied by units[e].
PredictionFit fit_prediction(std::span<const double> child, std::span<const double> parent,
                             std::span<const double> units, const Distances& distances);

}  // namespace herm
