#include "kernels/normal_moments.h"

#include <cmath>
#include <cstddef>

namespace herm {

namespace {

// Left of this the recurrence of the moments subtracts nearly equal numbers.
constexpr double kLeftTail = -2.8;
constexpr int kFractionTerms = 40;

// p_j from p_{−1} = density: j p_j = p_{j−2} + a p_{j−1} is stable forwards for a > 0; for a < 0 the moments are its
// minimal solution, so their ratios r_j = p_j/p_{j−1} follow from the continued fraction r_{j−1} = 1/(j r_j − a).
std::array<double, 5> left_tail(double a, double density) {
  // Where the fraction is cut, the ratio is close to the fixed point of r = 1/(j r − a).
  double ratio = (a + std::sqrt(a * a + 4 * kFractionTerms)) / (2 * kFractionTerms);
  std::array<double, 5> ratios{};
  for (int j = kFractionTerms; j >= 1; --j) {
    ratio = 1 / (j * ratio - a);
    if (j <= 5) ratios[static_cast<std::size_t>(j - 1)] = ratio;
  }
  std::array<double, 5> p{};
  double value = density;
  for (std::size_t j = 0; j < p.size(); ++j) p[j] = value *= ratios[j];
  return p;
}

}  // namespace

PartialMoments partial_moments(double a) {
  PartialMoments moments{kInvSqrt2Pi * std::exp(-0.5 * a * a), {}};
  auto& p = moments.p;
  if (a < kLeftTail) {
    p = left_tail(a, moments.density);
    return moments;
  }
  p[0] = 0.5 * std::erfc(-a * 0.70710678118654752440);
  p[1] = moments.density + a * p[0];
  for (std::size_t j = 2; j < p.size(); ++j) p[j] = (p[j - 2] + a * p[j - 1]) / static_cast<double>(j);
  return moments;
}

}  // namespace herm
