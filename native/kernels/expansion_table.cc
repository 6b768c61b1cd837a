#include "kernels/expansion_table.h"

#include <algorithm>
#include <cmath>

#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kTerms = kEstimateDegree + 1;
constexpr double kStep = 0.125;          // of u and of log n
constexpr double kReach = 5;             // |u| up to here
constexpr double kLogRange = 10;         // deviations more than e^10 below the largest are expanded directly
constexpr std::size_t kWorthwhile = 64;  // neurons from which on a table pays

double square(double x) { return x * x; }

// Catmull-Rom weights of the four points around a position with fraction f.
std::array<double, 4> cubic(double f) {
  const double f2 = f * f, f3 = f2 * f;
  return {0.5 * (-f + 2 * f2 - f3), 0.5 * (2 - 5 * f2 + 3 * f3), 0.5 * (f + 4 * f2 - 3 * f3), 0.5 * (f3 - f2)};
}

}  // namespace

double ShortSeries::second() const {
  double sum = square(even_tail) + square(odd_tail);
  for (const double value : c) sum += square(value);
  return sum;
}

ShortSeries shorten(const HermiteSeries& series) {
  ShortSeries out;
  std::copy_n(series.c.begin(), kTerms, out.c.begin());
  double even = square(series.even_tail), odd = square(series.odd_tail);
  for (std::size_t k = kTerms; k < series.c.size(); ++k) (k % 2 ? odd : even) += square(series.c[k]);
  const double even_sign = series.activation.odd() && series.mean < 0 ? -1 : 1;
  out.even_tail = even_sign * std::sqrt(even);
  out.odd_tail = std::sqrt(odd);
  return out;
}

ExpansionTable::ExpansionTable(const Job& job, const Activation& activation, const std::vector<double>& devs)
    : expander_(activation, kEstimateDegree), power_(activation.shape().power) {
  if (devs.size() < kWorthwhile) return;
  double smallest = INFINITY, largest = 0;
  for (const double dev : devs) {
    if (dev > 0) smallest = std::min(smallest, dev);
    largest = std::max(largest, dev);
  }
  if (!(largest > 0) || !std::isfinite(largest)) return;
  const double log_range = std::min(kLogRange, std::log(largest / smallest));
  // One point more on each side for the cubics, and one for parents that rounding moved beyond the range.
  log_smallest_ = std::log(largest) - log_range - 2 * kStep;
  rows_ = power_ ? 1 : static_cast<std::size_t>(std::ceil(log_range / kStep)) + 5;
  cols_ = 2 * static_cast<std::size_t>(kReach / kStep) + 1;
  entries_.resize(rows_ * cols_);
  parallel_for(job, entries_.size(), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t e = begin; e < end; ++e) {
      const std::size_t row = e / cols_, col = e % cols_;
      const double n = power_ ? 1 : std::exp(log_smallest_ + kStep * static_cast<double>(row));
      entries_[e] = direct(n, kStep * static_cast<double>(col) - kReach);
    }
  });
}

ExpansionTable::Entry ExpansionTable::direct(double n, double u) const {
  Entry entry;
  const auto moments = expander_.expand(n, n * u, entry.data());
  entry[kTerms] = moments.even_tail;
  entry[kTerms + 1] = moments.odd_tail;
  return entry;
}

ShortSeries ExpansionTable::expand(double n, double mu) const {
  const double u = mu / n;
  const double col = (u + kReach) / kStep;
  const double row = power_ ? 1 : (std::log(n) - log_smallest_) / kStep;
  const bool inside = cols_ > 0 && col >= 1 && col < static_cast<double>(cols_ - 2) &&
                      (power_ || (row >= 1 && row < static_cast<double>(rows_ - 2)));
  Entry sum{};
  if (!inside) {
    sum = direct(n, u);
  } else {
    const auto c = static_cast<std::size_t>(col);
    const auto across = cubic(col - static_cast<double>(c));
    const auto add = [&](std::size_t r, double weight) {
      for (std::size_t p = 0; p < 4; ++p) {
        const Entry& entry = at(r, c - 1 + p);
        for (std::size_t k = 0; k < kWidth; ++k) sum[k] += weight * across[p] * entry[k];
      }
    };
    if (power_) {
      add(0, power_ == 2 ? n * n : n);
    } else {
      const auto r = static_cast<std::size_t>(row);
      const auto along = cubic(row - static_cast<double>(r));
      for (std::size_t p = 0; p < 4; ++p) add(r - 1 + p, along[p]);
    }
  }
  ShortSeries series;
  std::copy_n(sum.begin(), kTerms, series.c.begin());
  series.even_tail = sum[kTerms];
  series.odd_tail = sum[kTerms + 1];
  return series;
}

}  // namespace herm
