#include "kernels/prediction_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace herm {

namespace {

// A distance must save this many bits a number.
constexpr double kLeastGain = 0.005;
constexpr std::size_t kSides = 2;  // child and parent

using Weights = std::array<double, kMostDistances>;
using Matrix = std::array<Weights, kMostDistances>;

// A·x = b for the leading n×n part of a positive semidefinite A, slightly damped.
Weights solve(Matrix a, Weights b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) a[i][i] += 1e-9 * a[i][i];
  for (std::size_t i = 0; i < n; ++i) {
    if (!(a[i][i] > 0)) return {};
    for (std::size_t j = i + 1; j < n; ++j) {
      const double factor = a[j][i] / a[i][i];
      for (std::size_t k = i; k < n; ++k) a[j][k] -= factor * a[i][k];
      b[j] -= factor * b[i];
    }
  }
  Weights x{};
  for (std::size_t i = n; i-- > 0;) {
    double rest = b[i];
    for (std::size_t k = i + 1; k < n; ++k) rest -= a[i][k] * x[k];
    x[i] = rest / a[i][i];
  }
  return x;
}

// The share of the variance that these distances leave.
double left_by(std::span<const double> r, const Distances& distances) {
  Matrix a{};
  Weights b{};
  for (std::size_t i = 0; i < distances.size(); ++i) {
    b[i] = r[distances[i]];
    for (std::size_t j = 0; j < distances.size(); ++j)
      a[i][j] = r[std::max(distances[i], distances[j]) - std::min(distances[i], distances[j])];
  }
  const Weights x = solve(a, b, distances.size());
  double left = r[0];
  for (std::size_t i = 0; i < distances.size(); ++i) left -= x[i] * b[i];
  return std::clamp(left / r[0], 1e-6, 1.0);
}

int in_units(double weight) {
  const double units = std::round(weight / kPredictionUnit);
  return std::isfinite(units) ? static_cast<int>(std::clamp(units, -double{kWeightReach}, double{kWeightReach})) : 0;
}

// Inner products [2(N+1)×2(N+1)] of c_e, c_{e−d_1}, …, c_{e−d_N}, p_e, p_{e−d_1}, ….
std::vector<double> inner_products(std::span<const double> child, std::span<const double> parent,
                                   std::span<const double> units, const Distances& distances) {
  const std::size_t size = child.size(), count = distances.size() + 1;
  std::vector<double> columns(kSides * count * size), products(kSides * kSides * count * count);
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t back = k == 0 ? 0 : distances[k - 1];
    for (std::size_t e = back; e < size; ++e) {
      columns[k * size + e] = units[e] * child[e - back];
      columns[(count + k) * size + e] = units[e] * parent[e - back];
    }
  }
  for (std::size_t a = 0; a < kSides * count; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      double sum = 0;
      for (std::size_t e = 0; e < size; ++e) sum += columns[a * size + e] * columns[b * size + e];
      products[a * kSides * count + b] = products[b * kSides * count + a] = sum;
    }
  }
  return products;
}

// Weights of the parent and of the rest in turn: each by least squares, given the others.
class Fit {
 public:
  Fit(std::vector<double> products, std::size_t distances) : products_(std::move(products)), n_(distances) {}

  PredictionFit run() {
    double of_parent = ratio(child(0), parent(0));
    for (int step = 0; step < 3; ++step) of_parent = parent_weight(rest_weights(of_parent));
    PredictionFit fit;
    fit.weights.parent = in_units(of_parent);
    const Weights of_rest = rest_weights(fit.weights.parent * kPredictionUnit);
    for (std::size_t k = 0; k < n_; ++k) fit.weights.neighbours[k] = in_units(of_rest[k]);
    fit.correlation = correlation(fit.weights);
    return fit;
  }

 private:
  // A combination of c_{e−d_k}, …, p_{e−d_k}, …: [2(N+1)].
  using Combination = std::array<double, kSides*(kMostDistances + 1)>;

  Combination child(std::size_t k, double factor = 1) const {
    Combination of{};
    of[k] = factor;
    return of;
  }
  Combination parent(std::size_t k, double factor = 1) const {
    Combination of{};
    of[n_ + 1 + k] = factor;
    return of;
  }
  double product(const Combination& a, const Combination& b) const {
    const std::size_t size = kSides * (n_ + 1);
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) sum += a[i] * b[j] * products_[i * size + j];
    }
    return sum;
  }
  double ratio(const Combination& y, const Combination& x) const {
    const double square = product(x, x);
    return square > 0 ? product(x, y) / square : 0;
  }
  // c − λ·p, at a distance.
  Combination rest(std::size_t k, double of_parent) const {
    Combination of = child(k);
    of[n_ + 1 + k] = -of_parent;
    return of;
  }
  Weights rest_weights(double of_parent) const {
    Matrix a{};
    Weights b{};
    for (std::size_t i = 0; i < n_; ++i) {
      const Combination at = rest(i + 1, of_parent);
      b[i] = product(at, rest(0, of_parent));
      for (std::size_t j = 0; j < n_; ++j) a[i][j] = product(at, rest(j + 1, of_parent));
    }
    return solve(a, b, n_);
  }
  double parent_weight(const Weights& of_rest) const {
    Combination y = child(0), x = parent(0);
    for (std::size_t k = 0; k < n_; ++k) y[k + 1] = x[n_ + 2 + k] = -of_rest[k];
    return ratio(y, x);
  }
  double correlation(const PredictionWeights& weights) const {
    const double of_parent = weights.parent * kPredictionUnit;
    Combination expected = parent(0, of_parent);
    for (std::size_t k = 0; k < n_; ++k) {
      const double of_rest = weights.neighbours[k] * kPredictionUnit;
      expected[k + 1] = of_rest;
      expected[n_ + 2 + k] = -of_rest * of_parent;
    }
    const double squares = product(expected, expected) * product(child(0), child(0));
    return squares > 0 ? product(expected, child(0)) / std::sqrt(squares) : 0;
  }

  std::vector<double> products_;
  std::size_t n_;
};

}  // namespace

void Autocovariance::add(std::span<const double> lane) {
  double square = 0;
  for (const double x : lane) square += x * x;
  if (!(square > 0) || !std::isfinite(square)) return;
  for (std::size_t lag = 0; lag < sums_.size(); ++lag) {
    double sum = 0;
    for (std::size_t e = lag; e < lane.size(); ++e) sum += lane[e] * lane[e - lag];
    sums_[lag] += sum / square;
  }
}

Distances choose_distances(std::span<const double> autocovariance) {
  Distances chosen;
  if (autocovariance.empty() || !(autocovariance[0] > 0)) return chosen;
  double left = 1;
  while (chosen.size() < kMostDistances) {
    Distances best = chosen;
    double least = left;
    for (std::size_t lag = 1; lag < autocovariance.size(); ++lag) {
      Distances with = chosen;
      with.push_back(static_cast<std::uint16_t>(lag));
      if (std::find(chosen.begin(), chosen.end(), lag) != chosen.end()) continue;
      const double leaves = left_by(autocovariance, with);
      if (leaves < least) {
        least = leaves;
        best = std::move(with);
      }
    }
    if (0.5 * std::log2(left / least) < kLeastGain) break;
    chosen = std::move(best);
    left = least;
  }
  return chosen;
}

PredictionFit fit_prediction(std::span<const double> child, std::span<const double> parent,
                             std::span<const double> units, const Distances& distances) {
  return Fit(inner_products(child, parent, units, distances), distances.size()).run();
}

}  // namespace herm
