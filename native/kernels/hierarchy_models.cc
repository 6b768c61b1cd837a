#include "kernels/hierarchy_models.h"

#include <algorithm>

namespace herm {

namespace {

// Most coefficients lie between 1/8 and 2.
constexpr auto kCoefficientPrior = [] {
  std::array<std::uint16_t, kCoefficientSymbols> prior{};
  for (std::size_t s = 0; s < prior.size(); ++s) prior[s] = s >= 48 && s < 64 ? 16 : 1;
  return prior;
}();

constexpr auto kFloorPrior = [] {
  std::array<std::uint16_t, kFloorSymbols> prior{};
  for (std::size_t s = 0; s < kZeroFloor; ++s) {
    const std::size_t near = kZeroFloor / 2, away = s < near ? near - s : s - near;
    prior[s] = static_cast<std::uint16_t>(64 >> 2 * std::min<std::size_t>(away, 3));
  }
  prior[kZeroFloor] = 4;
  prior[kFarFloor] = 1;
  return prior;
}();

constexpr auto kCostPrior = [] {
  std::array<std::uint16_t, kCostSymbols> prior{};
  for (std::size_t s = 0; s < prior.size(); ++s) prior[s] = s < 6 ? 64 >> s : 1;
  return prior;
}();

using Leaves = AdaptiveModel<4>;
constexpr std::array<std::uint16_t, 4> kEither{8, 8, 8, 8};

}  // namespace

SideModels::SideModels()
    : coefficient{AdaptiveModel<kCoefficientSymbols>(kCoefficientPrior),
                  AdaptiveModel<kCoefficientSymbols>(kCoefficientPrior)},
      floor(kFloorPrior),
      gain(level_prior()) {}

void SideModels::settle() {
  for (auto& model : kind) model.settle();
  for (auto& model : coefficient) model.settle();
  for (auto& model : followed) model.settle();
  floor.settle();
  multiple.settle();
  gain.settle();
}

BiasModels::BiasModels()
    : fine{AdaptiveModel<2>({28, 4}), AdaptiveModel<2>({4, 28})},
      level{LevelModel(level_prior()), LevelModel(level_prior())} {}

void BiasModels::settle() {
  for (auto& model : fine) model.settle();
  fine_leaf.settle();
  kept.settle();
  for (auto& model : level) model.settle();
}

HierarchyModels::HierarchyModels()
    : leaves{Leaves(kEither), Leaves(kEither), Leaves(kEither), Leaves(kEither), Leaves(kEither),
             Leaves(kEither), Leaves(kEither), Leaves(kEither), Leaves(kEither)},
      cost(kCostPrior) {}

void HierarchyModels::settle() {
  root_leaf.settle();
  for (auto& model : leaves) model.settle();
  cost.settle();
}

}  // namespace herm
