#include "kernels/lane_models.h"

#include <utility>

namespace herm {

namespace {

template <std::size_t Size>
constexpr std::array<std::uint16_t, Size> flat_prior(std::uint16_t count) {
  std::array<std::uint16_t, Size> prior{};
  prior.fill(count);
  return prior;
}

// `peak` in the middle, half as much every `halving` symbols away from it, at least 1.
template <std::size_t Size>
constexpr std::array<std::uint16_t, Size> peaked_prior(std::size_t middle, std::uint16_t peak, std::size_t halving) {
  std::array<std::uint16_t, Size> prior{};
  for (std::size_t s = 0; s < Size; ++s) {
    const std::size_t away = (s < middle ? middle - s : s - middle) / halving;
    prior[s] = std::max<std::uint16_t>(1, static_cast<std::uint16_t>(away > 15 ? 0 : peak >> away));
  }
  return prior;
}

AdaptiveModel<kWeightSymbols> weight_model() {
  return AdaptiveModel<kWeightSymbols>(peaked_prior<kWeightSymbols>(kWeightReach, 16, 8));
}

}  // namespace

const std::array<std::uint16_t, kLevelSymbols>& level_prior() {
  static constexpr auto prior = [] {
    std::array<std::uint16_t, kLevelSymbols> counts{};
    counts.fill(1);
    for (int level = kLowestLevel; level <= kHighestLevel; ++level) {
      const int away = level < 0 ? -level / 4 : level / 3;
      const int peak = level >= 13 ? 1 : std::max(1, 16 >> std::min(away, 10));
      for (std::size_t sign = 0; sign < 2; ++sign) {
        counts[kFirstLevelSymbol + 2 * static_cast<std::size_t>(level - kLowestLevel) + sign] =
            static_cast<std::uint16_t>(peak);
      }
    }
    return counts;
  }();
  return prior;
}

LaneModels::LaneModels()
    : mode(flat_prior<kLaneModes>(8)),
      scale(peaked_prior<kScaleSymbols>(kScaleReach, 16, 6)),
      root_scale(peaked_prior<kScaleSymbols>(kScaleReach, 16, 6)),
      shift(peaked_prior<kShiftSymbols>(kShiftReach, 128, 1)),
      coded_difference(peaked_prior<kDifferenceSymbols>(0, 128, 1)),
      followed_difference(peaked_prior<kDifferenceSymbols>(0, 128, 1)),
      zero{AdaptiveModel<3>({240, 8, 8}), AdaptiveModel<3>({240, 8, 8}), AdaptiveModel<3>({240, 8, 8}),
           AdaptiveModel<3>({64, 128, 64})},
      depth(peaked_prior<kDepthSymbols>(0, 128, 1)),
      parent_weight(weight_model()),
      neighbour_weights{weight_model(), weight_model(), weight_model(), weight_model()} {}

void LaneModels::use(LevelClass& found) {
  static const auto fresh = [] {
    const LevelModel model(level_prior());
    return [&]<std::size_t... Magnitude>(std::index_sequence<Magnitude...>) {
      return OfMagnitudes{(static_cast<void>(Magnitude), model)...};
    }(std::make_index_sequence<kMagnitudes>());
  }();
  if (!found.models) found.models = std::make_unique<OfMagnitudes>(fresh);
  found.used = true;
  used_.push_back(&found);
}

void LaneModels::settle() {
  for (LevelClass* const level_class : used_) {
    for (LevelModel& model : *level_class->models) model.settle();
    level_class->used = false;
  }
  used_.clear();
  mode.settle();
  scale.settle();
  root_scale.settle();
  shift.settle();
  coded_difference.settle();
  followed_difference.settle();
  for (auto& model : zero) model.settle();
  depth.settle();
  parent_weight.settle();
  for (auto& model : neighbour_weights) model.settle();
}

}  // namespace herm
