// Short Hermite expansions by interpolation: the search needs very many of them, to three digits.
#pragma once

#include <array>
#include <vector>

#include "kernels/activation.h"
#include "kernels/job.h"

namespace herm {

constexpr std::size_t kEstimateDegree = 12;

// A neuron's expansion to degree 12, what lies beyond gathered by parity as in HermiteSeries.
struct ShortSeries {
  std::array<double, kEstimateDegree + 1> c;
  double even_tail = 0;
  double odd_tail = 0;

  double second() const;
};

ShortSeries shorten(const HermiteSeries& series);

// φ(n t + μ) = φ(n (t + u)) on a grid in log n and u = μ/n, interpolated by cubics in both; in u alone where φ is a
// power of its scale. Outside of the grid, and for few neurons, it expands directly. The same for every number of
// threads.
class ExpansionTable {
 public:
  // For deviations between the smallest and the largest positive one of `devs` [m].
  ExpansionTable(const Job& job, const Activation& activation, const std::vector<double>& devs);

  const Activation& activation() const { return expander_.activation(); }
  ShortSeries expand(double n, double mu) const;

 private:
  static constexpr std::size_t kWidth = kEstimateDegree + 3;  // c_0 … c_12 and both tails
  using Entry = std::array<double, kWidth>;

  Entry direct(double n, double u) const;
  const Entry& at(std::size_t row, std::size_t col) const { return entries_[row * cols_ + col]; }

  HermiteExpander expander_;
  int power_;  // φ(αx) = α^power φ(x) for α > 0; 0: no such power
  double log_smallest_ = 0;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace herm
