#include "kernels/interaction.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "kernels/gram.h"
#include "oracle.h"

using namespace herm;

namespace {

const Activation kRelu{ActivationKind::Relu};
const Activation kAll[] = {
    {ActivationKind::Identity}, {ActivationKind::Relu},     {ActivationKind::LeakyRelu, 0.2}, {ActivationKind::Relu2},
    {ActivationKind::Gelu},     {ActivationKind::GeluTanh}, {ActivationKind::QuickGelu},      {ActivationKind::Silu},
    {ActivationKind::Tanh},     {ActivationKind::Sigmoid},
};

struct TestBlock {
  Matrix input, output;
  std::vector<double> bias;

  TestBlock(std::size_t m, std::size_t n, std::size_t p, unsigned seed)
      : input(oracle::random_matrix(m, n, seed)), output(oracle::random_matrix(m, p, seed + 1)), bias(m) {
    const Matrix biases = oracle::random_matrix(1, m, seed + 2);
    for (std::size_t i = 0; i < m; ++i) bias[i] = 0.5 * biases(0, i);
    for (std::size_t i = 0; i < m * n; ++i) input.data()[i] /= std::sqrt(static_cast<double>(n));
  }

  std::size_t size() const { return input.rows(); }
  BlockNeurons view() const { return {input.view(), bias.data(), output.view()}; }

  // Neuron `to` becomes neuron `from` with its inputs and bias scaled by `in`, its outputs by `out`.
  void copy_neuron(std::size_t from, std::size_t to, double in, double out) {
    for (std::size_t c = 0; c < input.cols(); ++c) input(to, c) = in * input(from, c);
    for (std::size_t c = 0; c < output.cols(); ++c) output(to, c) = out * output(from, c);
    bias[to] = in * bias[from];
  }
};

// The block with its neurons in the given order (neurons may repeat or be left out).
TestBlock reordered(const TestBlock& block, const std::vector<std::size_t>& order) {
  TestBlock result(order.size(), block.input.cols(), block.output.cols(), 1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::copy_n(block.input.row(order[i]), block.input.cols(), result.input.row(i));
    std::copy_n(block.output.row(order[i]), block.output.cols(), result.output.row(i));
    result.bias[i] = block.bias[order[i]];
  }
  return result;
}

// Φ_ij of two neurons given by their weights, one pair at a time.
double naive_kernel(const HermiteExpander& expander, const TestBlock& f, std::size_t i, const TestBlock& g, std::size_t j) {
  const std::size_t n = f.input.cols();
  const double n_i = std::sqrt(oracle::dot(f.input.row(i), f.input.row(i), n));
  const double n_j = std::sqrt(oracle::dot(g.input.row(j), g.input.row(j), n));
  const double rho = n_i > 0 && n_j > 0 ? oracle::dot(f.input.row(i), g.input.row(j), n) / (n_i * n_j) : 0;
  return kernel(expander.expand(n_i, f.bias[i]), expander.expand(n_j, g.bias[j]), rho);
}

double naive_inner(const HermiteExpander& expander, const TestBlock& f, const TestBlock& g) {
  long double sum = 0;
  for (std::size_t i = 0; i < f.size(); ++i)
    for (std::size_t j = 0; j < g.size(); ++j)
      sum += static_cast<long double>(naive_kernel(expander, f, i, g, j)) *
             oracle::dot(f.output.row(i), g.output.row(j), f.output.cols());
  return static_cast<double>(sum);
}

double distance(const HermiteExpander& expander, const TestBlock& f, const TestBlock& g, int threads = 1) {
  const Job job(threads);
  return squared_distance(job, expander, f.view(), squared_norm(job, expander, f.view()), g.view());
}

Matrix kernel_of(const Job& job, const HermiteExpander& expander, const TestBlock& block) {
  const std::size_t m = block.size();
  Matrix input(m, m), phi(m, m);
  gram(job, block.input.view(), input.view());
  kernel_matrix(job, expand_block(job, expander, block.view()), input.view(), phi.view());
  return phi;
}

bool same_bits(const Matrix& a, const Matrix& b) {
  return std::memcmp(a.data(), b.data(), a.rows() * a.cols() * sizeof(double)) == 0;
}

}  // namespace

TEST_CASE("a kernel row is, bit for bit, the pairs' kernels, at every length of the inner loop's remainder") {
  for (const Activation& phi : kAll) {
    const HermiteExpander expander(phi, kSearchDegree);
    // Input width 3, so that correlations come close to ±1; neuron 4 is constant.
    TestBlock block(300, 3, 1, 21);
    for (std::size_t c = 0; c < 3; ++c) block.input(4, c) = 0;
    const Job job;
    const InputNeurons neurons = expand_block(job, expander, block.view());
    std::vector<HermiteSeries> series;
    for (std::size_t i = 0; i < 300; ++i) series.push_back(expander.expand(neurons.dev[i], neurons.mean[i]));
    Matrix input(300, 300);
    gram(job, block.input.view(), input.view());
    const InputNeurons others = neurons;  // another object: no exact diagonal
    for (const std::size_t i : {0u, 4u, 299u}) {
      for (std::size_t begin = 0; begin < 40; begin += 13) {
        for (std::size_t end = begin; end < 300; end += end < 45 ? 1 : 51) {
          std::vector<double> row(300, -1);
          kernel_row(neurons, i, others, input.row(i), begin, end, row.data());
          std::size_t wrong = 0;
          for (std::size_t j = 0; j < 300; ++j) {
            const double product = neurons.dev[i] * neurons.dev[j];
            const double expected = kernel(series[i], series[j], product > 0 ? input(i, j) / product : 0);
            wrong += row[j] != (j >= begin && j < end ? expected : -1);
          }
          REQUIRE(wrong == 0);
        }
      }
      std::vector<double> row(300), tile(60);
      kernel_row(neurons, i, neurons, input.row(i), 0, 300, row.data());
      CHECK(row[i] == neurons.second[i]);
      kernel_span(neurons, i, others, input.row(i) + 200, 200, 260, tile.data());
      if (i < 200) CHECK(std::equal(tile.begin(), tile.end(), row.begin() + 200));
    }
  }
}

TEST_CASE("a constant neuron's kernel is its value times the other's mean") {
  for (const Activation& phi : kAll) {
    const HermiteExpander expander(phi, kSearchDegree);
    TestBlock block(5, 4, 1, 3);
    for (std::size_t c = 0; c < 4; ++c) block.input(2, c) = 0;
    const Matrix k = kernel_of(Job(), expander, block);
    for (std::size_t j = 0; j < 5; ++j) {
      const double n = std::sqrt(oracle::dot(block.input.row(j), block.input.row(j), 4));
      CHECK(k(2, j) == doctest::Approx(phi(block.bias[2]) * expander.expand(n, block.bias[j]).c[0]).epsilon(1e-14));
    }
  }
}

TEST_CASE("the kernel matrix is symmetric to the bit, exact on its diagonal, and may overwrite the Gram") {
  for (const Activation& phi : kAll) {
    const HermiteExpander expander(phi, kSearchDegree);
    const TestBlock block(259, 6, 1, 5);
    const Matrix k = kernel_of(Job(), expander, block);
    CHECK(same_bits(k, oracle::transpose(k)));
    const InputNeurons neurons = expand_block(Job(), expander, block.view());
    for (std::size_t i = 0; i < 259; ++i) CHECK(k(i, i) == neurons.second[i]);
    Matrix in_place(259, 259);
    gram(Job(), block.input.view(), in_place.view());
    kernel_matrix(Job(), neurons, in_place.view(), in_place.view());
    CHECK(same_bits(k, in_place));
    for (const std::size_t i : {0u, 130u, 258u})
      for (std::size_t j = 0; j < 259; ++j)
        CHECK(std::fabs(k(i, j) - naive_kernel(expander, block, i, block, j)) <= 1e-12 * std::sqrt(k(i, i) * k(j, j)));
  }
}

TEST_CASE("re-expanding a neuron in place is expanding it afresh") {
  const HermiteExpander expander({ActivationKind::Gelu}, kSearchDegree);
  const double squared[] = {1, 4, 0.25}, mean[] = {0, -1, 0.5}, changed[] = {1, 9, 0.25}, moved[] = {0, 2, 0.5};
  InputNeurons neurons = expand_neurons(Job(), expander, squared, mean, 3);
  expand_neuron(neurons, 1, expander, 9, 2);
  const InputNeurons fresh = expand_neurons(Job(), expander, changed, moved, 3);
  CHECK(neurons.dev == fresh.dev);
  CHECK(neurons.mean == fresh.mean);
  CHECK(neurons.second == fresh.second);
  CHECK(neurons.even_tail == fresh.even_tail);
  CHECK(neurons.odd_tail == fresh.odd_tail);
  CHECK(same_bits(neurons.series, fresh.series));
  // Rounding may push a squared deviation below zero.
  expand_neuron(neurons, 0, expander, -1e-20, 0.5);
  CHECK(neurons.dev[0] == 0);
}

TEST_CASE("squared norm and distance agree with naive double loops, in one tile and in several") {
  for (const Activation& phi : kAll) {
    const HermiteExpander expander(phi, 64);
    const TestBlock f(23, 5, 4, 31), g(9, 5, 4, 47);
    const double ff = naive_inner(expander, f, f), fg = naive_inner(expander, f, g), gg = naive_inner(expander, g, g);
    CAPTURE(static_cast<int>(phi.kind));
    CHECK(squared_norm(Job(), expander, f.view()) == doctest::Approx(ff).epsilon(1e-12));
    CHECK(std::fabs(distance(expander, f, g) - (ff - 2 * fg + gg)) <= 1e-12 * (ff + gg));
  }
  const HermiteExpander expander(kRelu, 16);
  const TestBlock f(515, 4, 3, 8), g(258, 4, 3, 9);
  const double ff = naive_inner(expander, f, f), fg = naive_inner(expander, f, g), gg = naive_inner(expander, g, g);
  CHECK(squared_norm(Job(), expander, f.view()) == doctest::Approx(ff).epsilon(1e-12));
  CHECK(std::fabs(distance(expander, f, g) - (ff - 2 * fg + gg)) <= 1e-11 * (ff + gg));
}

TEST_CASE("the predicted distance is the mean squared difference over Gaussian inputs") {
  const TestBlock f(12, 4, 3, 61);
  TestBlock g = reordered(f, {0, 1, 2, 3, 4, 5, 6});
  for (std::size_t i = 0; i < 7; ++i) g.bias[i] += 0.05 * static_cast<double>(i);
  constexpr int samples = 200000;
  for (const Activation& phi : kAll) {
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
  for (const Activation& phi : kAll) {
    const HermiteExpander expander(phi, 64);
    const TestBlock f(300, 7, 5, 13);
    const double norm = squared_norm(Job(), expander, f.view());
    std::vector<std::size_t> order(300);
    std::iota(order.begin(), order.end(), 0);
    CAPTURE(static_cast<int>(phi.kind));
    CHECK(std::sqrt(distance(expander, f, f) / norm) <= 1e-6);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(4));
    CHECK(std::sqrt(distance(expander, f, reordered(f, order)) / norm) <= 1e-6);
    // Every neuron twice, with half its outputs.
    order.insert(order.end(), order.begin(), order.end());
    TestBlock twice = reordered(f, order);
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

TEST_CASE("results have the same bits for every number of threads") {
  for (const Activation& phi : {kRelu, Activation{ActivationKind::Silu}}) {
    const HermiteExpander expander(phi, kSearchDegree);
    const TestBlock f(530, 5, 6, 71), g(301, 5, 6, 72);
    const Matrix k = kernel_of(Job(1), expander, f);
    const double norm = squared_norm(Job(1), expander, f.view()), between = distance(expander, f, g, 1);
    for (const int threads : {2, 3, 8}) {
      CHECK(same_bits(k, kernel_of(Job(threads), expander, f)));
      CHECK(norm == squared_norm(Job(threads), expander, f.view()));
      CHECK(between == distance(expander, f, g, threads));
    }
  }
}

TEST_CASE("degenerate blocks have finite norms and distances") {
  for (const Activation& phi : kAll) {
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
  const HermiteExpander expander(kRelu, kSearchDegree);
  const TestBlock good(3, 3, 2, 5);
  for (int where = 0; where < 3; ++where) {
    TestBlock bad = good;
    (where == 0 ? bad.input(1, 1) : where == 1 ? bad.bias[1] : bad.output(1, 1)) = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(squared_norm(Job(), expander, bad.view())));
    CHECK(std::isnan(distance(expander, good, bad)));
  }
}

TEST_CASE("an aborted job stops") {
  std::int32_t control[2] = {1, 0};
  const Job job(2, control);
  const HermiteExpander expander(kRelu, kSearchDegree);
  const TestBlock block(300, 3, 2, 1);
  CHECK_THROWS_AS(squared_norm(job, expander, block.view()), Aborted);
  CHECK_THROWS_AS(kernel_of(job, expander, block), Aborted);
}
