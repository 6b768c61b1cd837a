// Sums whose error does not grow with their length.
#pragma once

#include <cmath>

namespace herm {

// Neumaier's variant of Kahan's compensated summation.
class CompensatedSum {
 public:
  void add(double value) {
    const double sum = sum_ + value;
    error_ += std::fabs(sum_) >= std::fabs(value) ? (sum_ - sum) + value : (value - sum) + sum_;
    sum_ = sum;
  }
  double value() const { return sum_ + error_; }

 private:
  double sum_ = 0;
  double error_ = 0;
};

}  // namespace herm
