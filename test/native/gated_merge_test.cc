// Merge trees of gated blocks: the search against all pairs, costs against the block's function.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <set>

#include "kernels/cost_estimate.h"
#include "kernels/gated_pairs.h"
#include "kernels/half.h"
#include "kernels/merge_block.h"
#include "kernels/pair_sweep.h"
#include "merge_support.h"
#include "stored_blocks.h"

using namespace herm;
using oracle::check_forest;
using oracle::check_same;
using oracle::GatedTestBlock;
using oracle::same;

namespace {

const Activation kGates[] = {{ActivationKind::Silu}, {ActivationKind::Gelu}, {ActivationKind::Relu}};

std::vector<Merge> tree(const GatedTestBlock& block, const Activation& phi, const MergeOptions& options,
                        int threads = 1) {
  return merge_block(Job(threads), phi, stored(block), options).merges;
}

// Copies, unequal, dead, linear and zero neurons.
GatedTestBlock degenerate(std::size_t m, std::size_t n, std::size_t p, unsigned seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> spread(0, 2);
  GatedTestBlock block(m, n, p, seed);
  for (std::size_t i = 0; i < m; ++i) {
    block.scale_row(block.output, i, spread(random));
    if (i >= m / 2 && i % 2 == 0) {
      block.copy_gate(i % 7, i);
      block.copy_value(i % 7, i, -3);
    }
    const std::size_t kind = m - 1 - i;
    if (kind < 3) block.scale_row(block.gate, i, 0);
    if (kind >= 3 && kind < 6) {
      block.scale_row(block.value, i, 0);
      block.value_bias[i] = kind == 3 ? 1 : 0;  // φ(g·x + μ) alone, or nothing
    }
    if (kind >= 6 && kind < 9) block.scale_row(block.output, i, 0);
  }
  return block;
}

}  // namespace

TEST_CASE("the cost of a gated merge in a tree is the squared change of the block's function") {
  for (const Activation& phi : kGates) {
    for (unsigned seed = 1; seed <= 10; ++seed) {
      GatedTestBlock pair(2, 5, 3, 50 * seed);
      // Alike enough for mixtures.
      for (std::size_t c = 0; c < 5; ++c) pair.gate(1, c) = pair.gate(0, c) + 0.3 * pair.gate(1, c);
      const auto merges = tree(pair, phi, {0});
      REQUIRE(merges.size() == 1);
      const Merge& merge = merges[0];
      const auto numbers = [](const std::array<std::uint16_t, 2>& halves) {
        return std::array{from_half(halves[0]), from_half(halves[1])};
      };
      const GatedParent parent{merge.cost,          numbers(merge.gate_alpha), numbers(merge.alpha),
                               numbers(merge.beta), merge.gate_bias,           merge.bias};
      const GatedTestBlock merged = oracle::built(pair, 0, 1, parent);
      const HermiteExpander expander(phi, kSearchDegree);
      const double energy = squared_norm(Job(), expander, pair.view());
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(seed);
      // Directions are kept in single precision.
      CHECK(std::fabs(merge.cost - squared_distance(Job(), expander, pair.view(), energy, merged.view())) <=
            1e-6 * energy);
    }
  }
}

TEST_CASE("under a norm's prior the cost of a gated merge is that of the built parent, with its own weights") {
  const std::vector<double> mean{0.8, -1.5, 0.3, 2, 0}, scale{0.5, 2, -1, 0.25, 0};
  for (const Activation& phi : kGates) {
    for (unsigned seed = 1; seed <= 10; ++seed) {
      GatedTestBlock pair(2, 5, 3, 50 * seed);
      for (std::size_t c = 0; c < 5; ++c) pair.gate(1, c) = pair.gate(0, c) + 0.3 * pair.gate(1, c);
      StoredBlock before = stored(pair);
      before.prior = {mean, scale};
      const auto merges = merge_block(Job(), phi, before, {0}).merges;
      REQUIRE(merges.size() == 1);
      const Merge& merge = merges[0];
      const auto numbers = [](const std::array<std::uint16_t, 2>& halves) {
        return std::array{from_half(halves[0]), from_half(halves[1])};
      };
      const GatedTestBlock merged = oracle::built(pair, 0, 1,
                                                  {merge.cost, numbers(merge.gate_alpha), numbers(merge.alpha),
                                                   numbers(merge.beta), merge.gate_bias, merge.bias});
      StoredBlock after = stored(merged);
      after.prior = before.prior;
      const LoadedBlock full(before), one(after);
      const HermiteExpander expander(phi, kSearchDegree);
      const double energy = squared_norm(Job(), expander, full.view());
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(seed);
      CHECK(std::fabs(merge.cost - squared_distance(Job(), expander, full.view(), energy, one.view())) <=
            1e-6 * energy);
    }
  }
}

TEST_CASE("the search finds the matching of all pairs of gated neurons, merge for merge") {
  for (const Activation& phi : kGates) {
    for (const bool biased : {true, false}) {
      const GatedTestBlock block(30, 4, 3, 7, biased);
      CAPTURE(static_cast<int>(phi.kind));
      for (const double share : {0.0, 0.3, 1.0}) {
        CAPTURE(share);
        check_same(tree(block, phi, {share}), tree(block, phi, {share, true}));
      }
    }
  }
}

TEST_CASE("the search finds it among copied, unequal, dead, linear and zero gated neurons, one input or one output") {
  for (const Activation& phi : kGates) {
    for (const auto& [n, p] : {std::pair<std::size_t, std::size_t>{6, 4}, {1, 4}, {6, 1}, {1, 1}}) {
      const GatedTestBlock block = degenerate(40, n, p, 17);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(n);
      CAPTURE(p);
      const auto found = tree(block, phi, {0.1});
      check_forest(found, 40);
      check_same(found, tree(block, phi, {0.1, true}));
      check_same(found, tree(block, phi, {0.1}, 3));
    }
  }
}

TEST_CASE("gated neurons with one input and one output: the search looks at every pair once") {
  constexpr std::size_t m = 80;
  const GatedTestBlock block(m, 1, 1, 23);
  for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::Silu}}) {
    CAPTURE(static_cast<int>(phi.kind));
    const auto [merges, report] = merge_block(Job(2), phi, stored(block), {0.1});
    check_same(merges, tree(block, phi, {0.1, true}));
    CHECK(report.counts.scans <= 4 * m);
    CHECK(report.counts.estimates <= 2 * m * m);
  }
}

TEST_CASE("the same tree of gated neurons for every number of threads") {
  const GatedTestBlock block(150, 8, 6, 3);
  for (const Activation& phi : kGates) {
    const auto one = tree(block, phi, {});
    check_forest(one, 150);
    check_same(one, tree(block, phi, {}, 2));
    check_same(one, tree(block, phi, {}, 5));
  }
}

TEST_CASE("the same tree of gated neurons without Gram matrices in memory") {
  const GatedTestBlock block(150, 12, 10, 31);
  for (const Activation& phi : kGates) {
    const auto kept = tree(block, phi, {});
    check_same(kept, tree(block, phi, {0.05, false, false}));
    check_same(kept, tree(block, phi, {0.05, false, false}, 3));
  }
}

TEST_CASE("gated neurons that are copies up to the scale of their values merge first, for nothing") {
  GatedTestBlock block(20, 6, 5, 11);
  block.copy_gate(3, 12);
  block.copy_value(3, 12, -3);
  block.copy_gate(5, 17);
  block.copy_value(5, 17, 0.25);
  for (const Activation& phi : kGates) {
    const auto merges = tree(block, phi, {0});
    const double energy = squared_norm(Job(), HermiteExpander(phi, kSearchDegree), block.view());
    for (std::size_t t = 0; t < 2; ++t) {
      CHECK(merges[t].cost <= 1e-6 * energy);  // β is a half
      CHECK((merges[t].j == 12 || merges[t].j == 17));
    }
    CHECK(merges[2].cost > 1e-6 * energy);
  }
}

TEST_CASE("degenerate gated blocks still merge down to one neuron") {
  for (const Activation& phi : kGates) {
    CAPTURE(static_cast<int>(phi.kind));
    GatedTestBlock zero(6, 3, 2, 1, false);
    for (std::size_t i = 0; i < 6; ++i) {
      zero.scale_row(zero.gate, i, 0);
      zero.scale_row(zero.value, i, 0);
    }
    check_forest(tree(zero, phi, {}), 6);
    GatedTestBlock scaled(8, 3, 2, 3);
    for (std::size_t i = 0; i < 8; ++i) {
      scaled.scale_row(scaled.gate, i, std::pow(10.0, 6.0 * static_cast<double>(i % 3) - 6));
      scaled.scale_row(scaled.value, i, std::pow(10.0, 12.0 * static_cast<double>(i % 2) - 6));
      scaled.scale_row(scaled.output, i, std::pow(10.0, 8.0 * static_cast<double>(i % 4) - 12));
    }
    check_forest(tree(scaled, phi, {}), 8);
    GatedTestBlock denormal(5, 3, 2, 4, false);
    for (Matrix* matrix : {&denormal.gate, &denormal.value, &denormal.output})
      for (std::size_t i = 0; i < 5; ++i) denormal.scale_row(*matrix, i, 1e-310);
    check_forest(tree(denormal, phi, {}), 5);
    GatedTestBlock opposite(7, 3, 2, 5, false);
    for (std::size_t i = 1; i < 7; ++i) {
      opposite.copy_gate(0, i, i % 2 == 0 ? 1 : -1);
      opposite.copy_value(0, i, i % 3 == 0 ? 1 : -1);
    }
    check_forest(tree(opposite, phi, {}), 7);
    CHECK(tree(GatedTestBlock(1, 3, 2, 1), phi, {}).empty());
  }
}

TEST_CASE("gates and values of different sizes are refused, and outputs of other neurons") {
  const GatedTestBlock block(4, 3, 2, 6), wide(4, 5, 2, 6), many(5, 3, 2, 6);
  const auto build = [](const StoredBlock& mixed) { merge_block(Job(), kGates[0], mixed, {}); };
  StoredBlock mixed = stored(block);
  mixed.gate = stored(wide).gate;
  CHECK_THROWS_AS(build(mixed), std::invalid_argument);
  mixed = stored(block);
  mixed.gate_bias = stored(many).gate_bias;
  CHECK_THROWS_AS(build(mixed), std::invalid_argument);
  mixed = stored(block);
  mixed.output = stored(many).output;
  CHECK_THROWS_AS(build(mixed), std::invalid_argument);
}

TEST_CASE("swept costs of gated pairs: absorbing the weaker neuron, or a bound from below where the gates are alike") {
  constexpr std::size_t m = 60;
  for (const Activation& phi : kGates) {
    CAPTURE(static_cast<int>(phi.kind));
    const double accuracy = phi.kind == ActivationKind::Relu ? 0.01 : 1e-3;
    const GatedTestBlock block(m, 4, 5, 21);
    const GatedPairs neurons(Job(), phi, stored(block), {m, true});
    const auto gram = make_stored_gram(Job(), neurons, m);
    const Living all(m);
    GramWindow window;
    std::vector<float> above(m + kSweepPadding), below(m + kSweepPadding);
    std::size_t alike = 0;
    for (std::uint32_t i = 0; i + 1 < m; ++i) {
      gram->read({&i, 1}, all, i + 1, m, window);
      neurons.sweep(i, i + 1, m, window.row(0).data(), above.data());
      for (std::uint32_t j = i + 1; j < m; ++j) {
        CAPTURE(i);
        CAPTURE(j);
        REQUIRE(neurons.owns(i, j));
        const GatedPairView view = neurons.view(i, j);
        const double weaker = neurons.energy(i), swept = static_cast<double>(above[j - i - 1]);
        const double absorb = view.output.a11 * (view.phi.a11 - view.phi.a12 * view.phi.a12 / view.phi.a22) / weaker;
        const double cost = neurons.estimate(i, j) / weaker;
        const double rho = neurons.side(0).correlation(i, j);
        if (rho > 0.501) {
          ++alike;
          CHECK(swept <= cost + 1e-5);
          CHECK(swept >= CostEstimate::lower(view.phi, view.output) / weaker - 0.03);
        } else if (rho < 0.499) {
          CHECK(std::fabs(swept - absorb) <= accuracy);
        }
        gram->read({&j, 1}, all, i, i + 1, window);
        neurons.sweep(j, i, i + 1, window.row(0).data(), below.data());
        CHECK(above[j - i - 1] == below[0]);
      }
    }
    CHECK(alike > 100);
  }
}
