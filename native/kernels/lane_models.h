// What the coder of lanes (lane_code.h) learns: the models of its symbols, and the contexts they are chosen by.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/adaptive_model.h"

namespace herm {

// Levels are coded relative to what the lane and the element let expect.
inline constexpr int kLowestLevel = -52, kHighestLevel = 15;
inline constexpr std::size_t kZeroSymbol = 0, kEscapeSymbol = 2, kFirstLevelSymbol = 3;
inline constexpr std::size_t kLevelSymbols =
    kFirstLevelSymbol + 2 * static_cast<std::size_t>(kHighestLevel - kLowestLevel + 1);

// How a lane's coded child is told from its parent.
inline constexpr std::size_t kCorrelations = 8;              // classes of |correlation|; 0 is none
inline constexpr std::size_t kNear = 2 * kCorrelations + 1;  // a multiple of the parent, and a small difference
inline constexpr std::size_t kNearBoth = kNear + 1;          // and the followed child is one of the coded child
inline constexpr std::size_t kPredicted = kNearBoth;         // + 1 … 8: in a class of correlation with a prediction
inline constexpr std::size_t kLaneModes = kPredicted + kCorrelations + 1;

inline constexpr std::size_t kMostDistances = 4;  // lane_prediction.h
inline constexpr int kDistanceCountBits = 3;
inline constexpr int kDistanceBits = 10;  // strips have at most 1024 elements
inline constexpr std::size_t kMostDistance = std::size_t{1} << kDistanceBits;
inline constexpr int kWeightReach = 64;  // of weights of predictions, in their units
inline constexpr std::size_t kWeightSymbols = 2 * kWeightReach + 1;

inline constexpr int kScaleReach = 64;  // lane scales are coded relative to what they are expected to be, in sixteenths
inline constexpr std::size_t kScaleSymbols = 2 * kScaleReach + 2;
inline constexpr int kScaleBits = 17;  // of any scale, in two's complement: levels have 13 bits, shifts may add to them
inline constexpr int kShiftReach = 64;  // of element shifts, in levels
inline constexpr std::size_t kShiftSymbols = 2 * kShiftReach + 1;
inline constexpr std::size_t kSmallDifferences = 24;
inline constexpr std::size_t kDifferenceSymbols = kSmallDifferences + 60;
inline constexpr std::size_t kDepthSymbols = 64;

using LevelModel = AdaptiveModel<kLevelSymbols>;
// Numbers of a bell curve: levels around what is expected, half as many a power of two further down.
const std::array<std::uint16_t, kLevelSymbols>& level_prior();

// Where the parent's number lies among those of its lane: 0 it is zero, else one more than how many of these bounds, in
// sixteenths of a power of two from the mean, it reaches.
inline constexpr std::array<int, 16> kMagnitudeBounds{-80, -48, -32, -24, -16, -10, -5, 0,
                                                      5,   10,  14,  19,  24,  29,  34, 40};
inline constexpr std::size_t kMagnitudes = kMagnitudeBounds.size() + 2;

inline int magnitude_class(int sixteenths) {
  int reached = 1;
  for (const int bound : kMagnitudeBounds) reached += sixteenths >= bound;
  return reached;
}

class LaneModels {
 public:
  LaneModels();

  // By the class of magnitude of the parent or the prediction; the models of coded children that lie on a coarse grid
  // or not, of a class of correlation with their parent, or kCorrelations more with their prediction.
  using OfMagnitudes = std::array<LevelModel, kMagnitudes>;
  OfMagnitudes& levels(bool coarse, std::size_t correlation) {
    LevelClass& found = levels_[coarse * kCorrelationClasses + correlation];
    if (!found.used) [[unlikely]]
      use(found);
    return *found.models;
  }
  // Ends a run: everything learns.
  void settle();

  AdaptiveModel<kLaneModes> mode;
  AdaptiveModel<kScaleSymbols> scale, root_scale;
  AdaptiveModel<kShiftSymbols> shift;
  AdaptiveModel<kDifferenceSymbols> coded_difference, followed_difference;
  std::array<AdaptiveModel<3>, 4> zero;  // by whether the parent is zero (2) and whether the coded child is (1)
  AdaptiveModel<kDepthSymbols> depth;
  AdaptiveModel<kWeightSymbols> parent_weight;
  std::array<AdaptiveModel<kWeightSymbols>, kMostDistances> neighbour_weights;

 private:
  struct LevelClass {
    std::unique_ptr<OfMagnitudes> models;
    bool used = false;  // since models settled
  };
  void use(LevelClass& found);

  static constexpr std::size_t kCorrelationClasses = 2 * kCorrelations + 1;

  std::array<LevelClass, 2 * kCorrelationClasses> levels_;
  std::vector<LevelClass*> used_;
};

}  // namespace herm
