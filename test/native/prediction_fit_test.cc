#include "kernels/prediction_fit.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace herm;

namespace {

using Lane = std::vector<double>;

// x_e = 0.5·x_{e−1} + 0.4·x_{e−28} + noise.
Lane image(std::mt19937& random, std::size_t size) {
  std::normal_distribution<double> noise;
  Lane lane(size);
  for (std::size_t e = 0; e < size; ++e) {
    lane[e] = noise(random) + 0.5 * (e >= 1 ? lane[e - 1] : 0) + 0.4 * (e >= 28 ? lane[e - 28] : 0);
  }
  return lane;
}

Distances distances_of(const std::vector<Lane>& lanes) {
  Autocovariance covariance(lanes[0].size());
  for (const Lane& lane : lanes) covariance.add(lane);
  return choose_distances(covariance.sums());
}

}  // namespace

TEST_CASE("prediction_fit: finds how far back a sequence resembles itself") {
  std::mt19937 random(1);
  std::vector<Lane> lanes;
  for (int k = 0; k < 64; ++k) lanes.push_back(image(random, 784));
  const Distances distances = distances_of(lanes);
  REQUIRE(distances.size() >= 2);
  CHECK(std::min(distances[0], distances[1]) == 1);
  CHECK(std::max(distances[0], distances[1]) == 28);
}

TEST_CASE("prediction_fit: looks back nowhere in unrelated, constant or empty sequences") {
  std::mt19937 random(2);
  std::normal_distribution<double> noise;
  std::vector<Lane> lanes(64, Lane(1000));
  for (Lane& lane : lanes) {
    for (double& x : lane) x = noise(random);
  }
  CHECK(distances_of(lanes).empty());
  CHECK(distances_of({Lane(50)}).empty());
  CHECK(distances_of({Lane{}}).empty());
  CHECK(distances_of({Lane{1}}).empty());
  CHECK(choose_distances({}).empty());
}

TEST_CASE("prediction_fit: weights are those that the child was made with, and the correlation is that of the result") {
  std::mt19937 random(3);
  std::normal_distribution<double> noise;
  const std::size_t size = 20000;
  const Distances distances{1, 28};
  Lane parent(size), child(size), units(size, 1.0), expected(size);
  for (double& x : parent) x = noise(random);
  for (std::size_t e = 0; e < size; ++e) {
    const auto rest = [&](std::size_t d) { return e >= d ? child[e - d] + 0.75 * parent[e - d] : 0; };
    child[e] = -0.75 * parent[e] + 0.5 * rest(1) - 0.25 * rest(28) + 0.5 * noise(random);
  }
  const PredictionFit fit = fit_prediction(child, parent, units, distances);
  CHECK(std::abs(fit.weights.parent - -24) <= 1);
  CHECK(std::abs(fit.weights.neighbours[0] - 16) <= 1);
  CHECK(std::abs(fit.weights.neighbours[1] - -8) <= 1);
  double cross = 0, squares = 0, child_squares = 0;
  for (std::size_t e = 0; e < size; ++e) {
    const double of_parent = fit.weights.parent * kPredictionUnit;
    expected[e] = of_parent * parent[e];
    for (std::size_t k = 0; k < 2; ++k) {
      if (e < distances[k]) continue;
      const std::size_t back = e - distances[k];
      expected[e] += fit.weights.neighbours[k] * kPredictionUnit * (child[back] - of_parent * parent[back]);
    }
    cross += expected[e] * child[e];
    squares += expected[e] * expected[e];
    child_squares += child[e] * child[e];
  }
  CHECK(fit.correlation == doctest::Approx(cross / std::sqrt(squares * child_squares)));
}

TEST_CASE("prediction_fit: of nothing, nothing is expected") {
  const Lane zeros(40), units(40, 1.0);
  const PredictionFit fit = fit_prediction(zeros, zeros, units, {1, 2, 3, 4});
  CHECK(fit.correlation == 0);
  CHECK(fit.weights.parent == 0);
  const Lane huge(40, 1e300);
  CHECK(std::abs(fit_prediction(huge, huge, units, {1}).weights.parent) <= kWeightReach);
}
