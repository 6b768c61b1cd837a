#include "kernels/interaction.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "activations.h"
#include "kernels/gram.h"
#include "test_block.h"

using namespace herm;
using oracle::same_bits;
using oracle::TestBlock;

namespace {

Matrix kernel_of(const Job& job, const HermiteExpander& expander, const TestBlock& block) {
  const std::size_t m = block.size();
  Matrix input(m, m), phi(m, m);
  gram(job, block.input.view(), input.view());
  kernel_matrix(job, expand_block(job, expander, block.view()), input.view(), phi.view());
  return phi;
}

}  // namespace

TEST_CASE("a kernel row is, bit for bit, the pairs' kernels, at every length of the inner loop's remainder") {
  for (const Activation& phi : oracle::kAll) {
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
  for (const Activation& phi : oracle::kAll) {
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
  for (const Activation& phi : oracle::kAll) {
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
        CHECK(std::fabs(k(i, j) - oracle::naive_kernel(expander, block, i, block, j)) <=
              1e-12 * std::sqrt(k(i, i) * k(j, j)));
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

TEST_CASE("the kernel matrix has the same bits for every number of threads") {
  for (const Activation& phi : oracle::kAll) {
    const HermiteExpander expander(phi, kSearchDegree);
    const TestBlock block(530, 5, 1, 71);
    const Matrix k = kernel_of(Job(1), expander, block);
    for (const int threads : {2, 3, 8}) CHECK(same_bits(k, kernel_of(Job(threads), expander, block)));
  }
}

TEST_CASE("an aborted job computes no kernel") {
  std::int32_t control[2] = {1, 0};
  const HermiteExpander expander({ActivationKind::Relu}, kSearchDegree);
  CHECK_THROWS_AS(kernel_of(Job(2, control), expander, TestBlock(300, 3, 2, 1)), Aborted);
}
