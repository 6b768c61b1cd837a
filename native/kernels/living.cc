#include "kernels/living.h"

#include <algorithm>
#include <numeric>

namespace herm {

void Living::begin_with(std::size_t count) {
  flags_.clear();
  bits_.clear();
  positions_.clear();
  bear(count);
}

std::size_t Living::rank(std::size_t position) const {
  const auto found = std::lower_bound(positions_.begin(), positions_.end(), position);
  return static_cast<std::size_t>(found - positions_.begin());
}

void Living::kill(std::size_t position) {
  flags_[position] = 0;
  bits_[position / kWord] &= static_cast<std::uint16_t>(~(1U << position % kWord));
}

std::vector<std::uint32_t> Living::bear(std::size_t count) {
  std::vector<std::uint32_t> ranks;
  ranks.reserve(positions_.size() + count);
  for (std::uint32_t r = 0; r < positions_.size(); ++r)
    if (flags_[positions_[r]]) ranks.push_back(r);
  for (std::size_t t = 0; t < count; ++t) ranks.push_back(static_cast<std::uint32_t>(positions_.size() + t));

  const auto newborn = static_cast<std::uint32_t>(flags_.size());
  std::erase_if(positions_, [&](std::uint32_t p) { return !flags_[p]; });
  positions_.resize(positions_.size() + count);
  std::iota(positions_.end() - static_cast<std::ptrdiff_t>(count), positions_.end(), newborn);
  flags_.resize(newborn + count, 1);
  bits_.resize((flags_.size() + kWord - 1) / kWord);
  for (std::size_t p = newborn; p < flags_.size(); ++p) bits_[p / kWord] |= static_cast<std::uint16_t>(1U << p % kWord);
  return ranks;
}

}  // namespace herm
