// Random gated neurons to hold their kernel and operator against naive counterparts.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "kernels/gated_operator.h"
#include "kernels/interaction.h"
#include "oracle.h"

namespace oracle {

// m neurons φ(g·x + gate_bias) (u·x + value_bias) v, weights of order 1.
struct GatedTestBlock {
  Matrix gate, value, output;
  std::vector<double> gate_bias, value_bias;

  GatedTestBlock(std::size_t m, std::size_t n, std::size_t p, unsigned seed, bool biased = true)
      : gate(random_matrix(m, n, seed)),
        value(random_matrix(m, n, seed + 1)),
        output(random_matrix(m, p, seed + 2)),
        gate_bias(m),
        value_bias(m) {
    for (std::size_t i = 0; i < m * n; ++i) gate.data()[i] *= 1.5 / std::sqrt(static_cast<double>(n));
    for (std::size_t i = 0; i < m * n; ++i) value.data()[i] /= std::sqrt(static_cast<double>(n));
    if (!biased) return;
    const Matrix biases = random_matrix(2, m, seed + 3);
    for (std::size_t i = 0; i < m; ++i) {
      gate_bias[i] = static_cast<float>(0.7 * biases(0, i));
      value_bias[i] = static_cast<float>(0.5 * biases(1, i));
    }
  }

  std::size_t inputs() const { return gate.cols(); }
  herm::BlockNeurons view() const {
    return {value.view(), value_bias.data(), output.view(), gate.view(), gate_bias.data()};
  }

  void scale_row(Matrix& matrix, std::size_t i, double factor) {
    for (std::size_t c = 0; c < matrix.cols(); ++c) matrix(i, c) *= factor;
  }

  // Neuron `to` gets the gate, value or both of neuron `from`, scaled.
  void copy_gate(std::size_t from, std::size_t to, double factor = 1) {
    for (std::size_t c = 0; c < inputs(); ++c) gate(to, c) = factor * gate(from, c);
    gate_bias[to] = factor * gate_bias[from];
  }
  void copy_value(std::size_t from, std::size_t to, double factor = 1) {
    for (std::size_t c = 0; c < inputs(); ++c) value(to, c) = factor * value(from, c);
    value_bias[to] = factor * value_bias[from];
  }
};

inline herm::GatedGram gram(const GatedTestBlock& f, std::size_t i, const GatedTestBlock& g, std::size_t j) {
  const std::size_t n = f.inputs();
  return {dot(f.gate.row(i), g.gate.row(j), n), dot(f.gate.row(i), g.value.row(j), n),
          dot(f.value.row(i), g.gate.row(j), n), dot(f.value.row(i), g.value.row(j), n)};
}

inline herm::GatedNeuron neuron(const GatedTestBlock& f, std::size_t i) {
  const herm::GatedGram own = gram(f, i, f, i);
  return {std::sqrt(own.gate), f.gate_bias[i], f.value_bias[i], own.gate_value, own.value};
}

inline double gated_kernel(const herm::GatedExpander& expander, const GatedTestBlock& f, std::size_t i,
                           const GatedTestBlock& g, std::size_t j) {
  return kernel(expander.expand(neuron(f, i)), expander.expand(neuron(g, j)), gram(f, i, g, j));
}

inline herm::GatedPairView pair_view(const herm::GatedExpander& expander, const GatedTestBlock& f, std::size_t i,
                                     std::size_t j) {
  const herm::GatedGram mixed = gram(f, i, f, j), own_i = gram(f, i, f, i), own_j = gram(f, j, f, j);
  const std::size_t p = f.output.cols();
  herm::GatedPairView view;
  view.gate_dev = {std::sqrt(own_i.gate), std::sqrt(own_j.gate)};
  view.gate_mean = {f.gate_bias[i], f.gate_bias[j]};
  view.value_mean = {f.value_bias[i], f.value_bias[j]};
  view.gate_bias = view.gate_mean;
  view.value_bias = view.value_mean;
  view.gate = {own_i.gate, mixed.gate, own_j.gate};
  view.value = {own_i.value, mixed.value, own_j.value};
  view.cross = {{{own_i.gate_value, mixed.gate_value}, {mixed.value_gate, own_j.gate_value}}};
  view.phi = {expander.expand(neuron(f, i)).second, gated_kernel(expander, f, i, f, j),
              expander.expand(neuron(f, j)).second};
  view.output = {dot(f.output.row(i), f.output.row(i), p), dot(f.output.row(i), f.output.row(j), p),
                 dot(f.output.row(j), f.output.row(j), p)};
  return view;
}

// The parent of neurons i and j, as a block of one neuron.
inline GatedTestBlock built(const GatedTestBlock& f, std::size_t i, std::size_t j, const herm::GatedParent& parent) {
  GatedTestBlock out(1, f.inputs(), f.output.cols(), 1);
  const auto combine = [i, j](const Matrix& from, const std::array<double, 2>& x, Matrix& to) {
    for (std::size_t c = 0; c < from.cols(); ++c) to(0, c) = x[0] * from(i, c) + x[1] * from(j, c);
  };
  combine(f.gate, parent.alpha, out.gate);
  combine(f.value, parent.alpha_value, out.value);
  combine(f.output, parent.beta, out.output);
  out.gate_bias[0] = parent.gate_bias;
  out.value_bias[0] = parent.value_bias;
  return out;
}

}  // namespace oracle
