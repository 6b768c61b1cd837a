// Random blocks to hold kernels against their naive counterparts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/interaction.h"
#include "oracle.h"

namespace oracle {

using herm::BlockNeurons;

struct TestBlock {
  Matrix input, output;
  std::vector<double> bias;

  TestBlock(std::size_t m, std::size_t n, std::size_t p, unsigned seed)
      : input(random_matrix(m, n, seed)), output(random_matrix(m, p, seed + 1)), bias(m) {
    const Matrix biases = random_matrix(1, m, seed + 2);
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
inline TestBlock reordered(const TestBlock& block, const std::vector<std::size_t>& order) {
  TestBlock result(order.size(), block.input.cols(), block.output.cols(), 1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::copy_n(block.input.row(order[i]), block.input.cols(), result.input.row(i));
    std::copy_n(block.output.row(order[i]), block.output.cols(), result.output.row(i));
    result.bias[i] = block.bias[order[i]];
  }
  return result;
}

// Φ_ij of two neurons given by their weights, one pair at a time.
inline double naive_kernel(const herm::HermiteExpander& expander, const TestBlock& f, std::size_t i, const TestBlock& g,
                           std::size_t j) {
  const std::size_t n = f.input.cols();
  const double n_i = std::sqrt(dot(f.input.row(i), f.input.row(i), n));
  const double n_j = std::sqrt(dot(g.input.row(j), g.input.row(j), n));
  const double rho = n_i > 0 && n_j > 0 ? dot(f.input.row(i), g.input.row(j), n) / (n_i * n_j) : 0;
  return kernel(expander.expand(n_i, f.bias[i]), expander.expand(n_j, g.bias[j]), rho);
}

inline double naive_inner(const herm::HermiteExpander& expander, const TestBlock& f, const TestBlock& g) {
  long double sum = 0;
  for (std::size_t i = 0; i < f.size(); ++i)
    for (std::size_t j = 0; j < g.size(); ++j)
      sum += static_cast<long double>(naive_kernel(expander, f, i, g, j)) *
             dot(f.output.row(i), g.output.row(j), f.output.cols());
  return static_cast<double>(sum);
}

inline bool same_bits(const Matrix& a, const Matrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), a.rows() * a.cols() * sizeof(double)) == 0;
}

}  // namespace oracle
