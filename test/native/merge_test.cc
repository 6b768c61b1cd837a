#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>

#include "kernels/error.h"
#include "kernels/merge_rounds.h"

using namespace herm;

namespace {

struct TestBlock {
  Matrix input, output;
  std::vector<double> bias;

  TestBlock(std::size_t m, std::size_t n, std::size_t p, unsigned seed, bool with_bias = true)
      : input(m, n), output(m, p), bias(with_bias ? m : 0) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    for (std::size_t i = 0; i < m * n; ++i) input.data()[i] = static_cast<float>(normal(random) / std::sqrt(n));
    for (std::size_t i = 0; i < m * p; ++i) output.data()[i] = static_cast<float>(normal(random));
    for (double& b : bias) b = static_cast<float>(0.5 * normal(random));
  }

  BlockNeurons view() const { return {input.view(), bias.empty() ? nullptr : bias.data(), output.view()}; }

  // Neuron `to` becomes the function of neuron `from` times `out`, with its inputs scaled by `in`.
  void copy_neuron(std::size_t from, std::size_t to, double in, double out) {
    for (std::size_t c = 0; c < input.cols(); ++c) input(to, c) = in * input(from, c);
    for (std::size_t c = 0; c < output.cols(); ++c) output(to, c) = out * output(from, c);
    if (!bias.empty()) bias[to] = in * bias[from];
  }
};

const BiasFormat kBias{true, DType::F32};
const Activation kActivations[] = {
    {ActivationKind::Identity},     {ActivationKind::Relu}, {ActivationKind::LeakyRelu, 0.2},
    {ActivationKind::Relu2},        {ActivationKind::Gelu}, {ActivationKind::GeluTanh},
    {ActivationKind::QuickGelu},    {ActivationKind::Silu}, {ActivationKind::Tanh},
    {ActivationKind::Sigmoid, 1.5},
};

std::vector<Merge> tree(const TestBlock& block, const Activation& phi, double share, int threads = 1) {
  MergeState state(Job(threads), phi, {!block.bias.empty(), DType::F32}, block.view());
  return merge_rounds(Job(threads), state, share);
}

void check_same(const std::vector<Merge>& a, const std::vector<Merge>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t t = 0; t < a.size(); ++t) {
    CHECK(a[t].i == b[t].i);
    CHECK(a[t].j == b[t].j);
    CHECK(a[t].alpha == b[t].alpha);
    CHECK(a[t].beta == b[t].beta);
    CHECK(a[t].bias == b[t].bias);
    CHECK(a[t].cost == b[t].cost);
  }
}

void check_forest(const std::vector<Merge>& merges, std::size_t m) {
  REQUIRE(merges.size() == m - 1);
  std::set<std::uint32_t> dead;
  for (const Merge& merge : merges) {
    CHECK(merge.i < merge.j);
    CHECK(merge.j < m);
    CHECK(dead.count(merge.i) == 0);
    CHECK(dead.insert(merge.j).second);
    CHECK(std::isfinite(merge.cost));
    CHECK(merge.cost >= 0);
    CHECK((from_half(merge.alpha[0]) != 0 || from_half(merge.alpha[1]) != 0));
    CHECK((from_half(merge.beta[0]) != 0 || from_half(merge.beta[1]) != 0));
  }
}

}  // namespace

TEST_CASE("a merge's cost is the squared change of the block's function") {
  for (const Activation& phi : kActivations) {
    for (unsigned seed = 1; seed <= 12; ++seed) {
      const TestBlock pair(2, 5, 3, seed);
      const MergeState state(Job(), phi, kBias, pair.view());
      const Parent parent = state.best(0, 1);
      Matrix input(1, 5), output(1, 3);
      for (std::size_t c = 0; c < 5; ++c)
        input(0, c) = parent.alpha[0] * pair.input(0, c) + parent.alpha[1] * pair.input(1, c);
      for (std::size_t c = 0; c < 3; ++c)
        output(0, c) = parent.beta[0] * pair.output(0, c) + parent.beta[1] * pair.output(1, c);
      const BlockNeurons merged{input.view(), &parent.bias, output.view()};
      const HermiteExpander expander(phi, kSearchDegree);
      const double energy = squared_norm(Job(), expander, pair.view());
      const double distance = squared_distance(Job(), expander, pair.view(), energy, merged);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(seed);
      CHECK(std::fabs(parent.cost - distance) <= 1e-10 * energy);
      CHECK(parent.cost >= state.lower_bound(0, 1) - 1e-10 * energy);
      // Rounding β may cost something; an estimate may not leave its bounds.
      CHECK(parent.cost <= state.upper_bound(0, 1) + 1e-6 * energy);
      CHECK(state.estimate(0, 1) >= state.lower_bound(0, 1));
      CHECK(state.estimate(0, 1) <= std::max(state.upper_bound(0, 1), state.lower_bound(0, 1)));
      CHECK(std::fabs(state.estimate(0, 1) - parent.cost) <= 0.01 * energy);
    }
  }
}

TEST_CASE("identity activation without biases: the parent is generator 1 up to half precision") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const TestBlock pair(2, 4, 4, seed, false);
    const MergeState state(Job(), {ActivationKind::Identity}, {}, pair.view());
    const double energy = squared_norm(Job(), HermiteExpander({ActivationKind::Identity}, kSearchDegree), pair.view());
    const double excess = state.best(0, 1).cost - state.lower_bound(0, 1);
    const Parent parent = state.best(0, 1);
    // Near-opposite mixtures are left to absorption.
    if (parent.alpha[0] != 0 && parent.alpha[1] != 0) CHECK(excess <= 1e-5 * energy);
  }
}

TEST_CASE("one pair a round is the plain schedule, merge for merge") {
  for (const Activation& phi : kActivations) {
    for (const bool with_bias : {true, false}) {
      const TestBlock block(33, 6, 5, 7, with_bias);
      MergeState plain(Job(), phi, {with_bias, DType::F32}, block.view());
      CAPTURE(static_cast<int>(phi.kind));
      check_same(tree(block, phi, 0), merge_plain(Job(), plain));
    }
  }
}

TEST_CASE("tabulated estimates keep to the operator's costs, and rounds to the plain schedule") {
  for (const Activation& phi : kActivations) {
    const TestBlock block(80, 12, 5, 21);
    MergeState plain(Job(), phi, kBias, block.view());
    CAPTURE(static_cast<int>(phi.kind));
    for (std::size_t i = 0; i < 80; i += 3) {
      for (std::size_t j = i + 1; j < 80; j += 7) {
        TestBlock pair(2, 12, 5, 1);
        for (std::size_t c = 0; c < 12; ++c) pair.input(0, c) = block.input(i, c), pair.input(1, c) = block.input(j, c);
        for (std::size_t c = 0; c < 5; ++c)
          pair.output(0, c) = block.output(i, c), pair.output(1, c) = block.output(j, c);
        pair.bias = {block.bias[i], block.bias[j]};
        const double energy = squared_norm(Job(), HermiteExpander(phi, kSearchDegree), pair.view());
        CHECK(std::fabs(plain.estimate(i, j) - plain.best(i, j).cost) <= 0.01 * energy);
      }
    }
    check_same(tree(block, phi, 0), merge_plain(Job(), plain));
  }
}

TEST_CASE("rounds give the same tree for every number of threads") {
  const TestBlock block(120, 10, 8, 3);
  for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::Gelu}}) {
    const auto one = tree(block, phi, 0.05, 1);
    check_forest(one, 120);
    check_same(one, tree(block, phi, 0.05, 2));
    check_same(one, tree(block, phi, 0.05, 5));
  }
}

TEST_CASE("ReLU neurons that are scaled copies merge first, for nothing") {
  TestBlock block(20, 8, 6, 11);
  block.copy_neuron(3, 12, 4.0, 0.5);
  block.copy_neuron(5, 17, 0.25, -8.0);
  const auto merges = tree(block, {ActivationKind::Relu}, 0);
  const double energy = squared_norm(Job(), HermiteExpander({ActivationKind::Relu}, kSearchDegree), block.view());
  for (std::size_t t = 0; t < 2; ++t) {
    CHECK(merges[t].cost <= 1e-6 * energy);  // β is a half
    CHECK((merges[t].j == 12 || merges[t].j == 17));
  }
  CHECK(merges[2].cost > 1e-6 * energy);
}

TEST_CASE("odd activations merge a neuron with its mirror image") {
  TestBlock block(10, 6, 4, 5);
  block.copy_neuron(2, 8, -1.0, 0.75);
  const auto merges = tree(block, {ActivationKind::Tanh}, 0);
  CHECK(merges[0].i == 2);
  CHECK(merges[0].j == 8);
  CHECK(merges[0].cost <= 1e-12);
}

TEST_CASE("degenerate blocks still merge down to one neuron") {
  for (const Activation& phi : kActivations) {
    CAPTURE(static_cast<int>(phi.kind));
    TestBlock zero(6, 3, 2, 1);
    for (std::size_t i = 0; i < 6; ++i) zero.copy_neuron(0, i, 0, 0);
    check_forest(tree(zero, phi, 0.05), 6);

    TestBlock dead(9, 3, 2, 2);
    dead.copy_neuron(1, 4, 1, 0);  // nothing goes out
    dead.copy_neuron(1, 6, 0, 1);  // nothing comes in
    check_forest(tree(dead, phi, 0.05), 9);

    TestBlock scaled(8, 3, 2, 3);
    for (std::size_t i = 0; i < 8; ++i)
      scaled.copy_neuron(i, i, std::pow(10.0, 9.0 * (i % 3) - 9), std::pow(10.0, 6.0 * (i % 2) - 3));
    check_forest(tree(scaled, phi, 0.05), 8);

    TestBlock denormal(5, 3, 2, 4);
    for (std::size_t i = 0; i < 5; ++i) denormal.copy_neuron(i, i, 1e-44, 1e-44);
    check_forest(tree(denormal, phi, 0.05), 5);

    TestBlock same(7, 3, 2, 5);
    for (std::size_t i = 1; i < 7; ++i) same.copy_neuron(0, i, 1, 1);
    check_forest(tree(same, phi, 0.05), 7);
  }
  CHECK(tree(TestBlock(1, 3, 2, 1), {ActivationKind::Relu}, 0.05).empty());
}

TEST_CASE("weights beyond double precision's squares are refused") {
  TestBlock huge(4, 3, 2, 6);
  huge.copy_neuron(2, 2, 1e200, 1);
  CHECK_THROWS_AS(tree(huge, {ActivationKind::Relu}, 0.05), KernelError);
}

TEST_CASE("an aborted job stops with Aborted") {
  std::int32_t control[2] = {1, 0};
  const TestBlock block(40, 5, 5, 9);
  const Job job(2, control);
  const auto build = [&] {
    MergeState state(job, {ActivationKind::Relu}, kBias, block.view());
    merge_rounds(job, state, 0.05);
  };
  CHECK_THROWS_AS(build(), Aborted);
}
