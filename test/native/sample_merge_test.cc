// Merging on samples, held against loops over samples, neurons and pairs.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>

#include "kernels/block_kernel.h"
#include "kernels/error.h"
#include "kernels/half.h"
#include "kernels/merge_block.h"
#include "kernels/plain_pairs.h"
#include "merge_support.h"
#include "stored_blocks.h"

using namespace herm;
using oracle::TestBlock;

namespace {

const Activation kActivations[] = {{ActivationKind::Relu}, {ActivationKind::Gelu}, {ActivationKind::Tanh}};

// Few directions, far from N(0, I).
std::vector<float> some_inputs(std::size_t count, std::size_t n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<float> x(count * n);
  for (std::size_t t = 0; t < count; ++t) {
    const double a = normal(random), b = normal(random);
    for (std::size_t c = 0; c < n; ++c)
      x[t * n + c] = static_cast<float>(0.5 + a * std::sin(1.0 + c) + b * std::cos(2.0 * c) + 0.3 * normal(random));
  }
  return x;
}

struct Sampled {
  std::vector<float> values;
  InputSamples samples;
  Sampled(std::size_t count, std::size_t n, double blend, unsigned seed = 11)
      : values(some_inputs(count, n, seed)), samples{{values.data(), count, n}, blend} {}
};

double value_of(const Activation& phi, const double* w, double b, const float* x, std::size_t n) {
  double s = b;
  for (std::size_t c = 0; c < n; ++c) s += w[c] * static_cast<double>(x[c]);
  return phi(s);
}

// Φ of the rows of a block, plain or gated, on the samples alone.
double sampled_kernel(const Activation& phi, const StoredBlock& block, std::size_t i, std::size_t j, const Sampled& x) {
  StoredBlock raw = block;
  raw.prior = {};  // the samples are the inputs themselves
  const LoadedBlock loaded(raw);
  const BlockNeurons f = loaded.view();
  const std::size_t n = f.input.cols, count = x.samples.inputs.rows;
  const auto at = [&](std::size_t k, const float* row) {
    const double own = f.bias ? f.bias[k] : 0;
    if (!f.gated()) return value_of(phi, f.input.row(k), own, row, n);
    return value_of(phi, f.gate.row(k), f.gate_bias ? f.gate_bias[k] : 0, row, n) *
           value_of({ActivationKind::Identity}, f.input.row(k), own, row, n);
  };
  double sum = 0;
  for (std::size_t t = 0; t < count; ++t) sum += at(i, x.samples.inputs.row(t)) * at(j, x.samples.inputs.row(t));
  return sum / static_cast<double>(count);
}

// ‖Σ_i v_i φ_i‖² of all rows, by the blended kernel whose traces were matched on `reference`.
double energy(const Activation& phi, const StoredBlock& block, const StoredBlock& reference, const Sampled& x) {
  const HermiteExpander expander(phi, kSearchDegree);
  const auto gaussian = [&](const StoredBlock& of, Matrix& out) {
    const LoadedBlock loaded(of);
    out = Matrix(of.input.neurons(), of.input.neurons());
    BlockKernel(Job(), expander, loaded.view()).matrix(Job(), out.view());
  };
  Matrix own, other;
  gaussian(block, own);
  gaussian(reference, other);
  double trace = 0, gaussian_trace = 0;
  for (std::size_t i = 0; i < reference.input.neurons(); ++i) {
    trace += sampled_kernel(phi, reference, i, i, x);
    gaussian_trace += other(i, i);
  }
  const double eps = x.samples.blend, scale = trace / gaussian_trace;
  const LoadedBlock loaded(block);
  const ConstMatrix v = loaded.view().output;
  double sum = 0;
  for (std::size_t i = 0; i < own.rows(); ++i) {
    for (std::size_t j = 0; j < own.rows(); ++j) {
      const double kernel = (1 - eps) * sampled_kernel(phi, block, i, j, x) + eps * scale * own(i, j);
      sum += kernel * oracle::dot(v.row(i), v.row(j), v.cols);
    }
  }
  return sum;
}

// The pair and its parent with opposite outputs: what the merge changes.
TestBlock with_parent(const TestBlock& pair, const Merge& merge) {
  TestBlock all(3, pair.input.cols(), pair.output.cols(), 1);
  for (std::size_t k = 0; k < 2; ++k) {
    std::copy_n(pair.input.row(k), pair.input.cols(), all.input.row(k));
    std::copy_n(pair.output.row(k), pair.output.cols(), all.output.row(k));
    all.bias[k] = pair.bias[k];
  }
  std::fill_n(all.input.row(2), pair.input.cols(), 0.0);
  std::fill_n(all.output.row(2), pair.output.cols(), 0.0);
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t c = 0; c < pair.input.cols(); ++c) all.input(2, c) += from_half(merge.alpha[k]) * pair.input(k, c);
    for (std::size_t c = 0; c < pair.output.cols(); ++c)
      all.output(2, c) -= from_half(merge.beta[k]) * pair.output(k, c);
  }
  all.bias[2] = merge.bias;
  return all;
}

}  // namespace

TEST_CASE("the cost of a merge on samples is the change of the block's function under the blended kernel") {
  const std::vector<double> mean{0.8, -1.5, 0.3, 2, 0}, scale{0.5, 2, -1, 0.25, 0};
  for (const Activation& phi : kActivations) {
    for (const double blend : {0.0, 0.3, 1.0}) {
      for (unsigned seed = 1; seed <= 6; ++seed) {
        TestBlock pair(2, 5, 3, seed);
        // Alike enough for mixtures.
        for (std::size_t c = 0; c < 5; ++c) pair.input(1, c) = pair.input(0, c) + 0.3 * pair.input(1, c);
        const Sampled x(60, 5, blend);
        StoredBlock before = stored(pair);
        if (seed % 2 == 0) before.prior = {mean, scale};
        const auto merges = merge_block(Job(), phi, before, {}, &x.samples).merges;
        REQUIRE(merges.size() == 1);
        const TestBlock all = with_parent(pair, merges[0]);
        StoredBlock changed = stored(all);
        changed.prior = before.prior;
        CAPTURE(static_cast<int>(phi.kind));
        CAPTURE(blend);
        CAPTURE(seed);
        CHECK(std::fabs(merges[0].cost - energy(phi, changed, before, x)) <= 1e-5 * energy(phi, before, before, x));
      }
    }
  }
}

TEST_CASE("with a blend of 1 merging on samples costs what the Gaussian prior says") {
  const TestBlock block(12, 5, 3, 5);
  const Sampled x(40, 5, 1);
  const auto& phi = kActivations[0];
  const auto merges = merge_block(Job(), phi, stored(block), {}, &x.samples).merges;
  oracle::check_forest(merges, 12);
  const HermiteExpander expander(phi, kSearchDegree);
  double trace = 0, gaussian = 0;
  for (std::size_t i = 0; i < 12; ++i) {
    trace += sampled_kernel(phi, stored(block), i, i, x);
    gaussian += oracle::naive_kernel(expander, block, i, block, i);
  }
  const PlainPairs pairs(Job(), phi, stored(block), {24, false});
  // The first merge is the cheapest one of the exact costs of all pairs that absorption ranks highest.
  double cheapest = INFINITY;
  for (std::size_t a = 0; a < 12; ++a)
    for (std::size_t b = a + 1; b < 12; ++b) cheapest = std::min(cheapest, pairs.parent_of(a, b).cost);
  CHECK(merges[0].cost == doctest::Approx(cheapest * trace / gaussian).epsilon(1e-5));
}

TEST_CASE("rounds on samples take the cheapest disjoint pairs, the same for every number of threads") {
  for (const Activation& phi : kActivations) {
    const TestBlock block(40, 6, 4, 9);
    const Sampled x(80, 6, 0.2);
    for (const double share : {0.0, 0.05, 0.4}) {
      const auto merges = merge_block(Job(1), phi, stored(block), {share}, &x.samples).merges;
      oracle::check_forest(merges, 40);
      oracle::check_same(merges, merge_block(Job(3), phi, stored(block), {share}, &x.samples).merges);
      // Within a round costs rise.
      const auto limit = std::max<std::size_t>(1, static_cast<std::size_t>(share * 40));
      for (std::size_t t = 1; t < limit; ++t) CHECK(merges[t].cost >= merges[t - 1].cost);
    }
  }
}

TEST_CASE("copies on the samples merge first and for nothing") {
  TestBlock block(20, 6, 4, 3);
  block.copy_neuron(4, 11, 2, 0.5);
  block.copy_neuron(7, 15, 0.5, 3);
  const Sampled x(50, 6, 0.1);
  const auto merges = merge_block(Job(), {ActivationKind::Relu}, stored(block), {0}, &x.samples).merges;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> first{{merges[0].i, merges[0].j}, {merges[1].i, merges[1].j}};
  std::sort(first.begin(), first.end());
  CHECK(first == std::vector<std::pair<std::uint32_t, std::uint32_t>>{{4, 11}, {7, 15}});
  CHECK(merges[1].cost < 1e-5 * merges[2].cost);
}

TEST_CASE("gated neurons merge on samples") {
  const Activation phi{ActivationKind::Silu};
  for (const double blend : {0.0, 0.5}) {
    oracle::GatedTestBlock block(24, 5, 3, 7);
    block.copy_gate(3, 9);
    block.copy_value(3, 9, -2);
    const Sampled x(60, 5, blend);
    const auto merges = merge_block(Job(1), phi, stored(block), {0.1}, &x.samples).merges;
    oracle::check_forest(merges, 24);
    oracle::check_same(merges, merge_block(Job(2), phi, stored(block), {0.1}, &x.samples).merges);
    CHECK(merges[0].i == 3);
    CHECK(merges[0].j == 9);
    // Two alone: the cost is that of the built parent.
    oracle::GatedTestBlock pair(2, 5, 3, 50);
    for (std::size_t c = 0; c < 5; ++c) pair.gate(1, c) = pair.gate(0, c) + 0.3 * pair.gate(1, c);
    const Merge merge = merge_block(Job(), phi, stored(pair), {}, &x.samples).merges[0];
    const auto numbers = [](const std::array<std::uint16_t, 2>& h) {
      return std::array{from_half(h[0]), from_half(h[1])};
    };
    const auto parent = oracle::built(pair, 0, 1,
                                      {merge.cost, numbers(merge.gate_alpha), numbers(merge.alpha), numbers(merge.beta),
                                       merge.gate_bias, merge.bias});
    oracle::GatedTestBlock all(3, 5, 3, 1);
    for (std::size_t k = 0; k < 3; ++k) {
      const auto& from = k < 2 ? pair : parent;
      const std::size_t row = k < 2 ? k : 0;
      std::copy_n(from.gate.row(row), 5, all.gate.row(k));
      std::copy_n(from.value.row(row), 5, all.value.row(k));
      for (std::size_t c = 0; c < 3; ++c) all.output(k, c) = (k < 2 ? 1 : -1) * from.output(row, c);
      all.gate_bias[k] = from.gate_bias[row];
      all.value_bias[k] = from.value_bias[row];
    }
    CHECK(std::fabs(merge.cost - energy(phi, stored(all), stored(pair), x)) <=
          1e-5 * energy(phi, stored(pair), stored(pair), x));
  }
}

TEST_CASE("samples that do not fit or are not finite are refused") {
  const TestBlock block(6, 5, 3, 5);
  const Activation phi{ActivationKind::Relu};
  const auto build = [&](const InputSamples& samples) { merge_block(Job(), phi, stored(block), {}, &samples); };
  Sampled x(10, 5, 0.5);
  CHECK_THROWS_AS(build({{x.values.data(), 10, 4}, 0.5}), std::invalid_argument);
  CHECK_THROWS_AS(build({{x.values.data(), 0, 5}, 0.5}), std::invalid_argument);
  CHECK_THROWS_AS(build({{x.values.data(), 10, 5}, 1.5}), std::invalid_argument);
  x.values[7] = NAN;
  CHECK_THROWS_AS(build(x.samples), KernelError);
  std::int32_t control[2] = {1, 0};
  const Sampled fine(10, 5, 0.5);
  CHECK_THROWS_AS(merge_block(Job(1, control), phi, stored(block), {}, &fine.samples), Aborted);
}
