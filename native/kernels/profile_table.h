// What sweeps read of the living neurons: a few numbers of each in single precision, one row of the table a number.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/matrix_view.h"

namespace herm {

// Floats that may be read beyond a row and written beyond a result: sweeps work in whole registers.
constexpr std::size_t kSweepPadding = 32;

// Amplitudes further apart than this are as good as infinitely far: absorbing is all there is.
constexpr float kFarthest = 1e4f;

template <std::size_t kRows>
class ProfileTable {
 public:
  explicit ProfileTable(std::size_t capacity)
      : stride_((capacity / kSweepPadding + 2) * kSweepPadding), values_(checked_mul(kRows, stride_)) {}

  const float* row(std::size_t field) const { return values_.data() + field * stride_; }

  // A new neuron, the last one; its numbers are 0.
  void append() { ++size_; }
  // A number of the last one.
  void set(std::size_t field, double value) { values_[field * stride_ + size_ - 1] = static_cast<float>(value); }
  // The same of a coefficient: one that would only make products denormal, and slow, is 0.
  void set_coefficient(std::size_t field, double value) {
    constexpr double kNegligible = 1e-9;
    set(field, std::fabs(value) < kNegligible ? 0 : value);
  }
  // Keeps only the listed neurons, in ascending order.
  void compact(const std::vector<std::uint32_t>& kept) {
    for (std::size_t f = 0; f < kRows; ++f) {
      float* values = values_.data() + f * stride_;
      for (std::size_t p = 0; p < kept.size(); ++p) values[p] = values[kept[p]];
    }
    size_ = kept.size();
  }

 private:
  std::size_t stride_, size_ = 0;
  std::vector<float> values_;  // [kRows×stride]
};

}  // namespace herm
