// Who of many neurons has to be looked at, by swept estimates: hardly any, so a stretch of them is passed over at once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace herm {

constexpr std::size_t kStretch = 64;  // neurons, a bit each

// Those with r < worst.
std::uint64_t pairs_below(const float* r, float worst);
// Those with r < limits, and those with r < worst who are at least as strong.
std::uint64_t pairs_that_matter(const float* r, const float* limits, const float* strengths, float worst,
                                float strength);

}  // namespace herm
