// A pair of neurons in the order in which the schedule merges.
#pragma once

#include <compare>
#include <cstdint>

namespace herm {

// By cost, ties by the older positions.
struct RankedPair {
  double cost;
  std::uint32_t owner, partner;
  auto operator<=>(const RankedPair&) const = default;
};

}  // namespace herm
