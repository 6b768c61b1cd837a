// What the coder of hierarchies (hierarchy_code.h) learns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/adaptive_model.h"
#include "kernels/lane_models.h"

namespace herm {

// How an instruction's coefficients are told: an absorbing merge needs none.
enum CoefficientKind : std::size_t { kAbsorbsI, kAbsorbsJ, kGeneral, kCoefficientKinds };

inline constexpr std::size_t kCoefficientSymbols = 256;  // the upper byte of a half-precision number

// A floor: 0, near the one that is expected, or far away.
inline constexpr int kFloorReach = 8;
inline constexpr std::size_t kZeroFloor = 2 * kFloorReach + 1, kFarFloor = kZeroFloor + 1,
                             kFloorSymbols = kFarFloor + 1;
inline constexpr int kFloorBits = 11;

// Differences of costs: small ones, then by their number of bits.
inline constexpr std::size_t kSmallCosts = 16, kCostSymbols = kSmallCosts + 13;

struct SideModels {
  using Kind = AdaptiveModel<kCoefficientKinds>;
  // By how the input side's were told (the input side's own: the first one), if the parent has a floor; else the last.
  std::array<Kind, kCoefficientKinds + 1> kind{Kind({4, 4, 24}), Kind({4, 4, 24}), Kind({4, 4, 24}), Kind({14, 14, 4})};
  std::array<AdaptiveModel<kCoefficientSymbols>, 2> coefficient;  // of child i, of child j
  // By which coefficient is the larger one: i's, j's, neither's.
  std::array<AdaptiveModel<2>, 3> followed{AdaptiveModel<2>({28, 4}), AdaptiveModel<2>({4, 28}),
                                           AdaptiveModel<2>({8, 8})};
  AdaptiveModel<kFloorSymbols> floor;
  AdaptiveModel<2> multiple{{8, 8}};  // whether a merged neuron without floor has a gain
  LevelModel gain;

  SideModels();
  void settle();
};

struct BiasModels {
  std::array<AdaptiveModel<2>, 2> fine;  // whether a merged neuron's bias has all bits; by whether its floor is 0
  AdaptiveModel<2> fine_leaf{{4, 28}};   // whether an original neuron's has
  AdaptiveModel<2> kept{{4, 28}};        // whether an absorbing child keeps its bias
  std::array<LevelModel, 2> level;       // of merged neurons, of original ones

  BiasModels();
  void settle();
};

struct HierarchyModels {
  static constexpr std::size_t kFractions = 9;  // eighths of the instructions to come that neurons here wait for

  AdaptiveModel<2> root_leaf{{8, 8}};
  std::array<AdaptiveModel<4>, kFractions> leaves;  // of children i (1) and j (2)
  AdaptiveModel<kCostSymbols> cost;

  HierarchyModels();
  void settle();
};

}  // namespace herm
