#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <set>

#include "kernels/error.h"
#include "kernels/half.h"
#include "kernels/merge_block.h"
#include "kernels/merge_plain.h"
#include "kernels/plain_pairs.h"
#include "merge_support.h"

using namespace herm;
using oracle::check_forest;
using oracle::check_same;

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
  StoredBlock stored() const {
    const auto matrix = [](const Matrix& x) { return StoredMatrix{DType::F64, x.data(), x.rows(), x.cols(), false}; };
    const StoredMatrix biases{DType::F64, bias.data(), 1, bias.size(), false};
    return {matrix(input), !bias.empty(), biases, matrix(output), false, {}, false, {}};
  }

  // Neuron `to` becomes the function of neuron `from` times `out`, with its inputs scaled by `in`.
  void copy_neuron(std::size_t from, std::size_t to, double in, double out) {
    for (std::size_t c = 0; c < input.cols(); ++c) input(to, c) = in * input(from, c);
    for (std::size_t c = 0; c < output.cols(); ++c) output(to, c) = out * output(from, c);
    if (!bias.empty()) bias[to] = in * bias[from];
  }
};

const Activation kActivations[] = {
    {ActivationKind::Identity},     {ActivationKind::Relu},  {ActivationKind::LeakyRelu, 0.2},
    {ActivationKind::Relu2},        {ActivationKind::Gelu},  {ActivationKind::GeluTanh},
    {ActivationKind::QuickGelu},    {ActivationKind::Silu},  {ActivationKind::Tanh},
    {ActivationKind::Sigmoid, 1.5}, {ActivationKind::Relu6}, {ActivationKind::HardSwish},
    {ActivationKind::Elu, 0.5},
};

std::vector<Merge> tree(const TestBlock& block, const Activation& phi, const MergeOptions& options, int threads = 1) {
  return merge_block(Job(threads), phi, block.stored(), options).merges;
}

}  // namespace

TEST_CASE("a merge's cost is the squared change of the block's function") {
  for (const Activation& phi : kActivations) {
    for (unsigned seed = 1; seed <= 12; ++seed) {
      const TestBlock pair(2, 5, 3, seed);
      const auto merges = tree(pair, phi, {0});
      REQUIRE(merges.size() == 1);
      const Merge& merge = merges[0];
      Matrix input(1, 5), output(1, 3);
      for (std::size_t k = 0; k < 2; ++k) {
        for (std::size_t c = 0; c < 5; ++c) input(0, c) += from_half(merge.alpha[k]) * pair.input(k, c);
        for (std::size_t c = 0; c < 3; ++c) output(0, c) += from_half(merge.beta[k]) * pair.output(k, c);
      }
      const BlockNeurons merged{input.view(), &merge.bias, output.view()};
      const HermiteExpander expander(phi, kSearchDegree);
      const double energy = squared_norm(Job(), expander, pair.view());
      const double distance = squared_distance(Job(), expander, pair.view(), energy, merged);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(seed);
      // Directions are kept in single precision, and looked up in double.
      CHECK(std::fabs(merge.cost - distance) <= 1e-6 * energy);
    }
  }
}

TEST_CASE("under a norm's prior a merge's cost is the squared change of the block's function, with its own weights") {
  const std::vector<double> mean{0.8, -1.5, 0.3, 2, 0}, scale{0.5, 2, -1, 0.25, 0};
  for (const Activation& phi : kActivations) {
    for (unsigned seed = 1; seed <= 24; ++seed) {
      const TestBlock pair(2, 5, 3, seed, seed % 2 == 0);
      StoredBlock stored = pair.stored();
      stored.prior = {mean, scale};
      const auto merges = merge_block(Job(), phi, stored, {0}).merges;
      REQUIRE(merges.size() == 1);
      const Merge& merge = merges[0];
      if (!stored.has_bias) CHECK(merge.bias == 0);
      TestBlock merged(1, 5, 3, seed, stored.has_bias);
      for (std::size_t c = 0; c < 5; ++c) {
        merged.input(0, c) =
            from_half(merge.alpha[0]) * pair.input(0, c) + from_half(merge.alpha[1]) * pair.input(1, c);
      }
      for (std::size_t c = 0; c < 3; ++c) {
        merged.output(0, c) =
            from_half(merge.beta[0]) * pair.output(0, c) + from_half(merge.beta[1]) * pair.output(1, c);
      }
      if (stored.has_bias) merged.bias[0] = merge.bias;
      StoredBlock one = merged.stored();
      one.prior = stored.prior;
      const LoadedBlock before(stored), after(one);
      const HermiteExpander expander(phi, kSearchDegree);
      const double energy = squared_norm(Job(), expander, before.view());
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(seed);
      CHECK(std::fabs(merge.cost - squared_distance(Job(), expander, before.view(), energy, after.view())) <=
            1e-6 * energy);
    }
  }
}

TEST_CASE("functions under a norm's prior have the moments of that prior") {
  const std::vector<double> mean{0.8, -1.5, 0.3, 2, 0}, scale{0.5, 2, -1, 0.25, 0};
  const TestBlock block(3, 5, 2, 4);
  StoredBlock stored = block.stored();
  stored.prior = {mean, scale};
  const LoadedBlock loaded(stored);
  const HermiteExpander expander({ActivationKind::Relu}, kSearchDegree);
  double energy = 0;
  constexpr int kSamples = 200000;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  for (int s = 0; s < kSamples; ++s) {
    std::array<double, 2> y{};
    std::array<double, 5> x;
    for (std::size_t c = 0; c < 5; ++c) x[c] = mean[c] + scale[c] * normal(random);
    for (std::size_t i = 0; i < 3; ++i) {
      const double act = std::max(0.0, std::inner_product(x.begin(), x.end(), block.input.row(i), block.bias[i]));
      for (std::size_t c = 0; c < 2; ++c) y[c] += act * block.output(i, c);
    }
    energy += y[0] * y[0] + y[1] * y[1];
  }
  CHECK(energy / kSamples == doctest::Approx(squared_norm(Job(), expander, loaded.view())).epsilon(0.02));
  stored.prior = {mean, {scale.data(), 4}};
  CHECK_THROWS_AS(LoadedBlock{stored}, std::invalid_argument);
}

TEST_CASE("identity activation without biases: the parent is generator 1 up to half precision") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const TestBlock pair(2, 4, 4, seed, false);
    const PlainPairs neurons(Job(), {ActivationKind::Identity}, pair.stored(), {3, true});
    const double energy = squared_norm(Job(), HermiteExpander({ActivationKind::Identity}, kSearchDegree), pair.view());
    const PairView view = neurons.view(0, 1);
    const Parent parent = neurons.parent_of(0, 1);
    CHECK(parent.cost >= CostEstimate::lower(view.phi, view.output) - 1e-10 * energy);
    // Near-opposite mixtures are left to absorption.
    if (parent.alpha[0] != 0 && parent.alpha[1] != 0)
      CHECK(parent.cost - CostEstimate::lower(view.phi, view.output) <= 1e-5 * energy);
  }
}

TEST_CASE(
    "estimates keep to the operator's costs: the closer one to 1%, the swept one to 2% of the weaker neuron mostly") {
  for (const Activation& phi : kActivations) {
    CAPTURE(static_cast<int>(phi.kind));
    constexpr std::size_t m = 80;
    const TestBlock block(m, 12, 5, 21);
    const PlainPairs neurons(Job(), phi, block.stored(), {m, true});
    const auto gram = make_stored_gram(Job(), neurons, m);
    const Living all(m);
    GramWindow window;
    // With an identity, the parent's mean decides everything, and the sweep knows one choice of three.
    const bool linear = phi.kind == ActivationKind::Identity;
    std::vector<double> excess;
    std::vector<float> above(m + kSweepPadding), below(m + kSweepPadding);
    for (std::size_t i = 0; i < m; i += 3) {
      const auto row = static_cast<std::uint32_t>(i);
      gram->read({&row, 1}, all, i + 1, m, window);
      neurons.sweep(i, i + 1, m, window.row(0).data(), above.data());
      for (std::size_t j = i + 1; j < m; ++j) {
        CAPTURE(i);
        CAPTURE(j);
        const PairView view = neurons.view(i, j);
        const double energy = neurons.energy(i) + neurons.energy(j), weaker = neurons.energy(i);
        const double estimate = neurons.estimate(i, j), swept = weaker * static_cast<double>(above[j - i - 1]);
        CHECK(neurons.owns(i, j));
        CHECK(std::fabs(estimate - neurons.parent_of(i, j).cost) <= 0.01 * energy);
        CHECK(estimate >= CostEstimate::lower(view.phi, view.output));
        CHECK(estimate <=
              std::max(CostEstimate::upper(view.phi, view.output), CostEstimate::lower(view.phi, view.output)));
        excess.push_back(std::fabs(swept - estimate) / weaker);
        CHECK(swept >= CostEstimate::lower(view.phi, view.output) - 1e-4 * weaker);
        const auto other = static_cast<std::uint32_t>(j);
        gram->read({&other, 1}, all, i, i + 1, window);
        neurons.sweep(j, i, i + 1, window.row(0).data(), below.data());
        CHECK(above[j - i - 1] == below[0]);
      }
    }
    std::sort(excess.begin(), excess.end());
    CAPTURE(excess[excess.size() * 9 / 10]);
    CHECK(excess[excess.size() / 2] <= (linear ? 0.2 : 0.02));
    CHECK(excess[excess.size() * 9 / 10] <= (linear ? 0.5 : 0.1));
  }
}

TEST_CASE("the search finds the matching of all pairs, merge for merge") {
  for (const Activation& phi : kActivations) {
    for (const bool with_bias : {true, false}) {
      const TestBlock block(90, 6, 5, 7, with_bias);
      CAPTURE(static_cast<int>(phi.kind));
      for (const double share : {0.0, 0.05, 0.3, 1.0}) {
        CAPTURE(share);
        check_same(tree(block, phi, {share}), tree(block, phi, {share, true}));
      }
    }
  }
}

TEST_CASE("the search finds it in a block where swept costs are trusted") {
  constexpr std::size_t m = 340;
  for (const Activation& phi : kActivations) {
    CAPTURE(static_cast<int>(phi.kind));
    const TestBlock block(m, 9, 7, 23);
    const auto trust = [&](std::size_t neurons) {
      const TestBlock sized(neurons, 2, 2, 1);
      return PlainPairs(Job(), phi, sized.stored(), {neurons, true}).trust();
    };
    CHECK(trust(m) == 1);
    CHECK(trust(m / 2) < 1);
    const auto merges = tree(block, phi, {0.05});
    check_same(merges, tree(block, phi, {0.05, true}));
    check_same(merges, tree(block, phi, {0.05}, 3));
  }
}

TEST_CASE("the search finds it among copies, unequal, dead and constant neurons, and with one input or output") {
  std::mt19937_64 random(5);
  std::lognormal_distribution<double> spread(0, 2);
  for (const Activation& phi :
       {Activation{ActivationKind::Relu}, Activation{ActivationKind::Gelu}, Activation{ActivationKind::Tanh}}) {
    for (const auto& [n, p] : {std::pair<std::size_t, std::size_t>{9, 7}, {1, 7}, {9, 1}, {1, 1}}) {
      TestBlock block(120, n, p, 17);
      for (std::size_t i = 0; i < 120; ++i) block.copy_neuron(i, i, 1, spread(random));
      for (std::size_t i = 60; i < 100; ++i) block.copy_neuron(i % 7, i, 1, spread(random));
      for (std::size_t i = 100; i < 106; ++i) block.copy_neuron(i, i, 1, 0);
      for (std::size_t i = 106; i < 112; ++i) block.copy_neuron(i, i, 0, 1);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(n);
      CAPTURE(p);
      check_forest(tree(block, phi, {}), 120);
      check_same(tree(block, phi, {}), tree(block, phi, {0.05, true}));
    }
  }
}

TEST_CASE("with one input and one output the search looks at every pair once, not at all of them again and again") {
  constexpr std::size_t m = 340;  // swept costs count in full
  for (const Activation& phi :
       {Activation{ActivationKind::Relu}, Activation{ActivationKind::Gelu}, Activation{ActivationKind::Tanh}}) {
    CAPTURE(static_cast<int>(phi.kind));
    const TestBlock block(m, 1, 1, 23);
    const auto [merges, report] = merge_block(Job(2), phi, block.stored(), {});
    check_same(merges, tree(block, phi, {0.05, true}));
    CHECK(report.counts.scans <= 4 * m);
    // Each pair of neurons, and of parents with those that live beside them or died since columns were last closed up.
    CHECK(report.counts.estimates <= 2 * m * m);
  }
}

TEST_CASE("neurons without differences, or with few inputs or outputs, take some estimates a neuron") {
  for (const std::size_t m : {400, 1600}) {
    TestBlock copies(m, 9, 7, 3), nothing(m, 9, 7, 4), silent(m, 9, 7, 5);
    for (std::size_t i = 0; i < m; ++i) {
      copies.copy_neuron(i % 3, i, 1, 1);
      nothing.copy_neuron(i, i, 0, 0);
      silent.copy_neuron(i, i, 1, 0);
    }
    const TestBlock narrow(m, 1, 8, 6), last(m, 8, 1, 7), both(m, 2, 2, 8), unbiased(m, 1, 1, 9, false);
    const TestBlock* const blocks[] = {&copies, &nothing, &silent, &narrow, &last, &both, &unbiased};
    for (const TestBlock* block : blocks) {
      CAPTURE(m);
      CAPTURE(block->input.cols());
      const auto report = merge_block(Job(2), {ActivationKind::Relu}, block->stored(), {}).report;
      CHECK(report.counts.scans <= 5 * m);
      CHECK(report.counts.estimates <= 50 * m);
    }
  }
}

TEST_CASE("Gram matrices of parents are those of their vectors") {
  constexpr std::size_t m = 60;
  const TestBlock block(m, 20, 9, 13);
  PlainPairs neurons(Job(), {ActivationKind::Gelu}, block.stored(), {2 * m, true});
  const auto gram = make_stored_gram(Job(2), neurons, 2 * m);
  const auto computed = make_computed_gram(neurons);
  Living living(m);
  for (int round = 0; round < 5; ++round) {
    const auto pairs = match_plain(Job(), neurons, *gram, 4, living);
    std::vector<Union> unions;
    neurons.begin_merges(pairs.size());
    for (std::size_t t = 0; t < pairs.size(); ++t)
      unions.push_back({pairs[t].owner, pairs[t].partner, neurons.merge(t, pairs[t].owner, pairs[t].partner, nullptr)});
    neurons.end_merges();
    for (const auto& pair : pairs)
      for (const std::uint32_t child : {pair.owner, pair.partner}) living.kill(child);
    gram->append(Job(2), unions, living);
    neurons.keep_swept(living.bear(pairs.size()));
    if (round == 2) {
      gram->compact(Job(2), living);
      neurons.compact(living.positions());
      living.compact();
    }
    const auto& all = living.positions();
    GramWindow kept, anew;
    gram->read(all, living, 0, living.size(), kept);
    computed->read(all, living, 0, living.size(), anew);
    for (std::size_t a = 0; a < all.size(); ++a) {
      for (std::size_t b = 0; b < all.size(); ++b) {
        if (a == b) continue;
        for (std::size_t side = 0; side < 2; ++side) {
          const double exact = neurons.side(side).correlation(all[a], all[b]);
          CHECK(std::fabs(static_cast<double>(kept.row(a)[side][b]) - exact) <= 2e-6);
          CHECK(std::fabs(static_cast<double>(anew.row(a)[side][b]) - exact) <= 2e-6);
          CHECK(kept.row(a)[side][b] == kept.row(b)[side][a]);
        }
      }
    }
  }
}

TEST_CASE("the same tree without Gram matrices in memory, where no costs agree to rounding") {
  for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::Gelu}}) {
    const TestBlock block(300, 24, 20, 31);
    check_same(tree(block, phi, {}), tree(block, phi, {0.05, false, false}));
    check_same(tree(block, phi, {}, 1), tree(block, phi, {0.05, false, false}, 3));
  }
}

TEST_CASE("rounds give the same tree for every number of threads") {
  const TestBlock block(400, 10, 8, 3);
  for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::Gelu}}) {
    const auto one = tree(block, phi, {}, 1);
    check_forest(one, 400);
    check_same(one, tree(block, phi, {}, 2));
    check_same(one, tree(block, phi, {}, 5));
  }
}

TEST_CASE("ReLU neurons that are scaled copies merge first, for nothing") {
  TestBlock block(20, 8, 6, 11);
  block.copy_neuron(3, 12, 4.0, 0.5);
  block.copy_neuron(5, 17, 0.25, -8.0);
  const auto merges = tree(block, {ActivationKind::Relu}, {0});
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
  const auto merges = tree(block, {ActivationKind::Tanh}, {0});
  CHECK(merges[0].i == 2);
  CHECK(merges[0].j == 8);
  CHECK(merges[0].cost <= 1e-12);
}

TEST_CASE("degenerate blocks still merge down to one neuron") {
  for (const Activation& phi : kActivations) {
    CAPTURE(static_cast<int>(phi.kind));
    TestBlock zero(6, 3, 2, 1);
    for (std::size_t i = 0; i < 6; ++i) zero.copy_neuron(0, i, 0, 0);
    check_forest(tree(zero, phi, {}), 6);

    TestBlock dead(9, 3, 2, 2);
    dead.copy_neuron(1, 4, 1, 0);  // nothing goes out
    dead.copy_neuron(1, 6, 0, 1);  // nothing comes in
    check_forest(tree(dead, phi, {}), 9);

    TestBlock scaled(8, 3, 2, 3);
    for (std::size_t i = 0; i < 8; ++i)
      scaled.copy_neuron(i, i, std::pow(10.0, 9.0 * (i % 3) - 9), std::pow(10.0, 6.0 * (i % 2) - 3));
    check_forest(tree(scaled, phi, {}), 8);

    TestBlock denormal(5, 3, 2, 4);
    for (std::size_t i = 0; i < 5; ++i) denormal.copy_neuron(i, i, 1e-44, 1e-44);
    check_forest(tree(denormal, phi, {}), 5);

    TestBlock same(7, 3, 2, 5);
    for (std::size_t i = 1; i < 7; ++i) same.copy_neuron(0, i, 1, 1);
    check_forest(tree(same, phi, {}), 7);
  }
  CHECK(tree(TestBlock(1, 3, 2, 1), {ActivationKind::Relu}, {}).empty());
}

TEST_CASE("weights beyond double precision's squares are refused") {
  TestBlock huge(4, 3, 2, 6);
  huge.copy_neuron(2, 2, 1e200, 1);
  CHECK_THROWS_AS(tree(huge, {ActivationKind::Relu}, {}), KernelError);
}

TEST_CASE("an aborted job stops with Aborted") {
  std::int32_t control[2] = {1, 0};
  const TestBlock block(40, 5, 5, 9);
  const Job job(2, control);
  const auto build = [&] { merge_block(job, {ActivationKind::Relu}, block.stored(), {}); };
  CHECK_THROWS_AS(build(), Aborted);
}
