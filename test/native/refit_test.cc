#include "kernels/refit.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "kernels/error.h"
#include "kernels/gram.h"
#include "test_block.h"

using namespace herm;
using oracle::TestBlock;

namespace {

const Activation kActivations[] = {
    {ActivationKind::Identity}, {ActivationKind::Relu},    {ActivationKind::LeakyRelu, 0.1}, {ActivationKind::Relu2},
    {ActivationKind::Gelu},     {ActivationKind::Silu},    {ActivationKind::Tanh},           {ActivationKind::Sigmoid},
    {ActivationKind::Relu6},    {ActivationKind::Elu, 0.5}};

// Its first k neurons.
TestBlock first(const TestBlock& block, std::size_t k) {
  std::vector<std::size_t> order(k);
  std::iota(order.begin(), order.end(), 0);
  return oracle::reordered(block, order);
}

TestBlock refitted(const HermiteExpander& expander, const TestBlock& full, TestBlock kept, double ridge,
                   int threads = 1) {
  refit(Job(threads), expander, full.view(), kept.view(), ridge, kept.output.view());
  return kept;
}

double relative_distance(const HermiteExpander& expander, const TestBlock& f, const TestBlock& g) {
  const double norm = squared_norm(Job(), expander, f.view());
  return std::sqrt(squared_distance(Job(), expander, f.view(), norm, g.view()) / norm);
}

// Gaussian elimination with pivoting: a [k×k] x = b [k×p].
Matrix solve(Matrix a, Matrix b) {
  const std::size_t k = a.rows();
  for (std::size_t c = 0; c < k; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c; r < k; ++r)
      if (std::fabs(a(r, c)) > std::fabs(a(pivot, c))) pivot = r;
    std::swap_ranges(a.row(c), a.row(c) + k, a.row(pivot));
    std::swap_ranges(b.row(c), b.row(c) + b.cols(), b.row(pivot));
    for (std::size_t r = 0; r < k; ++r) {
      if (r == c) continue;
      const double factor = a(r, c) / a(c, c);
      for (std::size_t j = c; j < k; ++j) a(r, j) -= factor * a(c, j);
      for (std::size_t j = 0; j < b.cols(); ++j) b(r, j) -= factor * b(c, j);
    }
  }
  for (std::size_t r = 0; r < k; ++r)
    for (std::size_t j = 0; j < b.cols(); ++j) b(r, j) /= a(r, r);
  return b;
}

// Φ between the rows of two blocks.
Matrix kernel_between(const HermiteExpander& expander, const TestBlock& f, const TestBlock& g) {
  Matrix input(f.input.rows(), g.input.rows()), phi(f.input.rows(), g.input.rows());
  cross_gram(Job(), f.input.view(), g.input.view(), input.view());
  const InputNeurons a = expand_block(Job(), expander, f.view()), b = expand_block(Job(), expander, g.view());
  for (std::size_t i = 0; i < phi.rows(); ++i) kernel_row(a, i, b, input.row(i), 0, phi.cols(), phi.row(i));
  return phi;
}

}  // namespace

TEST_CASE("refit solves the ridge normal equations") {
  for (const Activation& activation : kActivations) {
    const HermiteExpander expander(activation, kSearchDegree);
    const TestBlock full(40, 12, 5, 3);
    const TestBlock kept = TestBlock(9, 12, 5, 77);  // not among the block's own neurons
    for (const double ridge : {0.0, 0.01, 1.0}) {
      Matrix left = kernel_between(expander, kept, kept);
      for (std::size_t i = 0; i < 9; ++i) left(i, i) *= 1 + ridge;
      const Matrix right = oracle::product(kernel_between(expander, kept, full), full.output);
      const TestBlock result = refitted(expander, full, kept, ridge);
      CAPTURE(static_cast<int>(activation.kind));
      CAPTURE(ridge);
      CHECK(oracle::largest_difference(result.output, solve(left, right)) <= 1e-8);
    }
  }
}

TEST_CASE("refit never increases the distance, and tiles agree with one another") {
  for (const Activation& activation : kActivations) {
    const HermiteExpander expander(activation, kSearchDegree);
    for (const std::size_t m : {30u, 530u}) {
      const TestBlock full(m, 8, 3, 11);
      for (const std::size_t k : {std::size_t{1}, m / 3, m - 1}) {
        const TestBlock kept = first(full, k);
        const double before = relative_distance(expander, full, kept);
        CAPTURE(static_cast<int>(activation.kind));
        CAPTURE(k);
        CHECK(relative_distance(expander, full, refitted(expander, full, kept, 1e-10)) <= before + 1e-6);
      }
    }
  }
}

TEST_CASE("refit at full width reproduces the block") {
  for (const Activation& activation : kActivations) {
    const HermiteExpander expander(activation, 64);
    const TestBlock full(60, 20, 4, 5);
    CHECK(relative_distance(expander, full, refitted(expander, full, full, 1e-12)) <= 1e-5);
  }
}

TEST_CASE("refit does not change with the scale of homogeneous neurons") {
  const HermiteExpander expander({ActivationKind::Relu}, kSearchDegree);
  const TestBlock full(30, 6, 4, 5);
  const TestBlock plain = first(full, 10);
  TestBlock scaled = plain;
  const auto scale = [](std::size_t i) { return std::ldexp(1.0, static_cast<int>(i) * 20 - 100); };
  for (std::size_t i = 0; i < 10; ++i) {
    for (std::size_t c = 0; c < 6; ++c) scaled.input(i, c) *= scale(i);
    scaled.bias[i] *= scale(i);
  }
  const TestBlock a = refitted(expander, full, plain, 1e-3), b = refitted(expander, full, scaled, 1e-3);
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t c = 0; c < 4; ++c)
      CHECK(b.output(i, c) * scale(i) == doctest::Approx(a.output(i, c)).epsilon(1e-9));
}

TEST_CASE("neurons that the prior never wakes get no outputs, however the others are scaled") {
  const HermiteExpander expander({ActivationKind::Relu}, kSearchDegree);
  const TestBlock full(20, 5, 3, 9);
  TestBlock kept = first(full, 6);
  const TestBlock plain = refitted(expander, full, first(full, 5), 1e-9);
  for (const double bias : {-12.0, -30.0}) {
    double squares = 0;
    for (std::size_t c = 0; c < 5; ++c) squares += full.input(5, c) * full.input(5, c);
    for (std::size_t c = 0; c < 5; ++c) kept.input(5, c) = full.input(5, c) * 1e-3;
    kept.bias[5] = bias * 1e-3 * std::sqrt(squares);
    const TestBlock result = refitted(expander, full, kept, 1e-9);
    CAPTURE(bias);
    for (std::size_t c = 0; c < 3; ++c) CHECK(result.output(5, c) == 0);
    CHECK(relative_distance(expander, full, result) ==
          doctest::Approx(relative_distance(expander, full, plain)).epsilon(1e-6));
  }
}

TEST_CASE("degenerate skeletons are refitted: repeated, dead and constant neurons, one, none") {
  for (const Activation& activation : kActivations) {
    const HermiteExpander expander(activation, kSearchDegree);
    const TestBlock full(20, 5, 3, 9);
    TestBlock kept = first(full, 8);
    for (const std::size_t to : {3u, 6u}) {  // one neuron three times: Φ_SS is singular
      std::copy_n(kept.input.row(1), 5, kept.input.row(to));
      kept.bias[to] = kept.bias[1];
    }
    std::fill_n(kept.input.row(4), 5, 0.0);  // a constant
    std::fill_n(kept.input.row(5), 5, 0.0);  // φ(0)
    kept.bias[5] = 0;
    const TestBlock result = refitted(expander, full, kept, 0);
    CAPTURE(static_cast<int>(activation.kind));
    for (std::size_t i = 0; i < 8 * 3; ++i) CHECK(std::isfinite(result.output.data()[i]));
    CHECK(relative_distance(expander, full, result) <= 1 + 1e-6);
    if (activation(0) == 0) {
      for (std::size_t c = 0; c < 3; ++c) CHECK(result.output(5, c) == 0);
    }
    const TestBlock one = refitted(expander, full, first(full, 1), 0);
    CHECK(relative_distance(expander, full, one) <= 1 + 1e-6);
    CHECK(refitted(expander, full, first(full, 0), 0).output.rows() == 0);
    CHECK(refitted(expander, TestBlock(4, 3, 0, 1), TestBlock(2, 3, 0, 1), 0).output.cols() == 0);
    // Nothing to be close to.
    const TestBlock nothing = refitted(expander, TestBlock(0, 5, 3, 1), first(full, 4), 0);
    for (std::size_t i = 0; i < 4 * 3; ++i) CHECK(nothing.output.data()[i] == 0);
  }
}

TEST_CASE("refit reports weights it cannot compute with") {
  const HermiteExpander expander({ActivationKind::Relu}, kSearchDegree);
  const TestBlock full(6, 3, 2, 9);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), 1e200}) {
    TestBlock kept = first(full, 3);
    kept.input(1, 1) = bad;
    CHECK_THROWS_AS(refitted(expander, full, kept, 1e-6), KernelError);
  }
}

TEST_CASE("refit has the same bits for every number of threads") {
  const HermiteExpander expander({ActivationKind::Gelu}, kSearchDegree);
  const TestBlock full(300, 10, 270, 41), kept = first(full, 260);
  const TestBlock one = refitted(expander, full, kept, 1e-8, 1);
  for (const int threads : {2, 3, 8}) {
    const TestBlock other = refitted(expander, full, kept, 1e-8, threads);
    CHECK(std::memcmp(one.output.data(), other.output.data(), 260 * 270 * sizeof(double)) == 0);
  }
}
