// squared_norm and squared_distance of blocks.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "activations.h"
#include "test_block.h"

using namespace herm;
using oracle::TestBlock;

namespace {

double distance(const HermiteExpander& expander, const TestBlock& f, const TestBlock& g, int threads = 1) {
  const Job job(threads);
  return squared_distance(job, expander, f.view(), squared_norm(job, expander, f.view()), g.view());
}

}  // namespace

TEST_CASE("squared norm and distance agree with naive double loops, in one tile and in several") {
  for (const Activation& phi : oracle::kAll) {
    const HermiteExpander expander(phi, 64);
    const TestBlock f(23, 5, 4, 31), g(9, 5, 4, 47);
    const double ff = oracle::naive_inner(expander, f, f), fg = oracle::naive_inner(expander, f, g),
                 gg = oracle::naive_inner(expander, g, g);
    CAPTURE(static_cast<int>(phi.kind));
    CHECK(squared_norm(Job(), expander, f.view()) == doctest::Approx(ff).epsilon(1e-12));
    CHECK(std::fabs(distance(expander, f, g) - (ff - 2 * fg + gg)) <= 1e-12 * (ff + gg));
  }
  const HermiteExpander expander({ActivationKind::Relu}, 16);
  const TestBlock f(515, 4, 3, 8), g(258, 4, 3, 9);
  const double ff = oracle::naive_inner(expander, f, f), fg = oracle::naive_inner(expander, f, g),
               gg = oracle::naive_inner(expander, g, g);
  CHECK(squared_norm(Job(), expander, f.view()) == doctest::Approx(ff).epsilon(1e-12));
  CHECK(std::fabs(distance(expander, f, g) - (ff - 2 * fg + gg)) <= 1e-11 * (ff + gg));
}

TEST_CASE("the predicted distance is the mean squared difference over Gaussian inputs") {
  const TestBlock f(12, 4, 3, 61);
  TestBlock g = oracle::reordered(f, {0, 1, 2, 3, 4, 5, 6});
  for (std::size_t i = 0; i < 7; ++i) g.bias[i] += 0.05 * static_cast<double>(i);
  constexpr int samples = 200000;
  for (const Activation& phi : oracle::kAll) {
    std::mt19937_64 random(99);
    std::normal_distribution<double> normal;
    double sum = 0, squares = 0;
    for (int s = 0; s < samples; ++s) {
      double x[4], y[3] = {};
      for (double& value : x) value = normal(random);
      for (const double sign : {1.0, -1.0}) {
        const TestBlock& block = sign > 0 ? f : g;
        for (std::size_t i = 0; i < block.size(); ++i) {
          double pre = block.bias[i];
          for (std::size_t c = 0; c < 4; ++c) pre += block.input(i, c) * x[c];
          const double value = sign * phi(pre);
          for (std::size_t c = 0; c < 3; ++c) y[c] += value * block.output(i, c);
        }
      }
      const double squared = y[0] * y[0] + y[1] * y[1] + y[2] * y[2];
      sum += squared;
      squares += squared * squared;
    }
    const double mean = sum / samples, error = std::sqrt((squares / samples - mean * mean) / samples);
    CAPTURE(static_cast<int>(phi.kind));
    CHECK(std::fabs(distance(HermiteExpander(phi, 64), f, g) - mean) <= 4.5 * error);
  }
}

TEST_CASE("blocks that compute the same are at distance zero") {
  for (const Activation& phi : oracle::kAll) {
    const HermiteExpander expander(phi, 64);
    const TestBlock f(300, 7, 5, 13);
    const double norm = squared_norm(Job(), expander, f.view());
    std::vector<std::size_t> order(300);
    std::iota(order.begin(), order.end(), 0);
    CAPTURE(static_cast<int>(phi.kind));
    CHECK(std::sqrt(distance(expander, f, f) / norm) <= 1e-6);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(4));
    CHECK(std::sqrt(distance(expander, f, oracle::reordered(f, order)) / norm) <= 1e-6);
    // Every neuron twice, with half its outputs.
    order.insert(order.end(), order.begin(), order.end());
    TestBlock twice = oracle::reordered(f, order);
    for (std::size_t i = 0; i < 600 * 5; ++i) twice.output.data()[i] /= 2;
    CHECK(std::sqrt(distance(expander, f, twice) / norm) <= 1e-6);
    if (!phi.homogeneous()) continue;
    TestBlock scaled = f;
    for (std::size_t i = 0; i < 300; ++i) {
      const double scale = std::exp(std::sin(static_cast<double>(i)) * 20);
      scaled.copy_neuron(i, i, scale, 1 / scale);
    }
    CHECK(std::sqrt(distance(expander, f, scaled) / norm) <= 1e-6);
  }
}

TEST_CASE("degenerate blocks have finite norms and distances") {
  for (const Activation& phi : oracle::kAll) {
    const HermiteExpander expander(phi, kSearchDegree);
    CAPTURE(static_cast<int>(phi.kind));
    const TestBlock f(4, 3, 2, 5);
    const double norm = squared_norm(Job(), expander, f.view());
    // No neurons, no inputs, no outputs; one of each.
    CHECK(squared_norm(Job(), expander, TestBlock(0, 3, 2, 1).view()) == 0);
    CHECK(distance(expander, f, TestBlock(0, 3, 2, 1)) == doctest::Approx(norm).epsilon(1e-14));
    CHECK(distance(expander, TestBlock(0, 3, 2, 1), f) == doctest::Approx(norm).epsilon(1e-14));
    CHECK(squared_norm(Job(), expander, TestBlock(4, 3, 0, 1).view()) == 0);
    CHECK(std::isfinite(distance(expander, TestBlock(1, 1, 1, 1), TestBlock(1, 1, 1, 2))));
    const TestBlock blind(3, 0, 2, 7);  // all neurons constant
    double y[2] = {};
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t c = 0; c < 2; ++c) y[c] += phi(blind.bias[i]) * blind.output(i, c);
    CHECK(squared_norm(Job(), expander, blind.view()) == doctest::Approx(y[0] * y[0] + y[1] * y[1]).epsilon(1e-12));
    // No biases are biases of zero.
    TestBlock unbiased = f;
    std::fill(unbiased.bias.begin(), unbiased.bias.end(), 0);
    const BlockNeurons without{unbiased.input.view(), nullptr, unbiased.output.view()};
    CHECK(squared_norm(Job(), expander, without) == squared_norm(Job(), expander, unbiased.view()));
    for (const double scale : {1e-44, 1e-30, 1e30}) {
      if (phi.kind == ActivationKind::Relu2 && scale > 1) continue;  // its fourth power
      TestBlock scaled = f;
      scaled.copy_neuron(0, 0, scale, 1);
      scaled.copy_neuron(1, 2, scale, scale);
      const double scaled_norm = squared_norm(Job(), expander, scaled.view());
      CHECK(std::isfinite(scaled_norm));
      CHECK(distance(expander, scaled, scaled) <= 1e-12 * scaled_norm);
    }
  }
}

TEST_CASE("what is not a number is not hidden") {
  const HermiteExpander expander({ActivationKind::Relu}, kSearchDegree);
  const TestBlock good(3, 3, 2, 5);
  for (int where = 0; where < 3; ++where) {
    TestBlock bad = good;
    (where == 0   ? bad.input(1, 1)
     : where == 1 ? bad.bias[1]
                  : bad.output(1, 1)) = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(squared_norm(Job(), expander, bad.view())));
    CHECK(std::isnan(distance(expander, good, bad)));
  }
}

TEST_CASE("norms and distances have the same bits for every number of threads") {
  for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::Silu}}) {
    const HermiteExpander expander(phi, kSearchDegree);
    const TestBlock f(530, 5, 6, 71), g(301, 5, 6, 72);
    const double norm = squared_norm(Job(1), expander, f.view()), between = distance(expander, f, g, 1);
    for (const int threads : {2, 3, 8}) {
      CHECK(norm == squared_norm(Job(threads), expander, f.view()));
      CHECK(between == distance(expander, f, g, threads));
    }
  }
}

TEST_CASE("an aborted job computes no norm") {
  std::int32_t control[2] = {1, 0};
  const HermiteExpander expander({ActivationKind::Relu}, kSearchDegree);
  CHECK_THROWS_AS(squared_norm(Job(2, control), expander, TestBlock(300, 3, 2, 1).view()), Aborted);
}
