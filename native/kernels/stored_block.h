// A block as its model file stores it, and the same in double with neurons as rows.
#pragma once

#include <stdexcept>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/interaction.h"

namespace herm {

struct StoredBlock {
  StoredMatrix input;  // m neurons, width n
  bool has_bias = false;
  StoredMatrix bias;    // [1×m]
  StoredMatrix output;  // m neurons, width p
  // Of a gated block, whose `input` and `bias` are the value branch.
  bool has_gate = false;
  StoredMatrix gate{};  // m neurons, width n
  bool has_gate_bias = false;
  StoredMatrix gate_bias{};  // [1×m]
};

class LoadedBlock {
 public:
  explicit LoadedBlock(const StoredBlock& stored)
      : input_(load_neurons(stored.input)), output_(load_neurons(stored.output)) {
    if (input_.rows() != output_.rows()) throw std::invalid_argument("input and output weights differ in neurons");
    if (stored.has_bias) bias_ = load_bias(stored.bias);
    if (!stored.has_gate) return;
    gate_ = load_neurons(stored.gate);
    if (gate_.rows() != input_.rows() || gate_.cols() != input_.cols())
      throw std::invalid_argument("gates and values differ in size");
    if (stored.has_gate_bias) gate_bias_ = load_bias(stored.gate_bias);
  }

  BlockNeurons view() const {
    return {input_.view(), pointer(bias_), output_.view(), gate_.view(), pointer(gate_bias_)};
  }

 private:
  std::vector<double> load_bias(const StoredMatrix& stored) const {
    std::vector<double> bias(checked_mul(stored.rows, stored.cols));
    if (bias.size() != input_.rows()) throw std::invalid_argument("the bias has not one number a neuron");
    widen(stored.dtype, stored.bytes, bias.size(), bias.data());
    return bias;
  }
  static const double* pointer(const std::vector<double>& bias) { return bias.empty() ? nullptr : bias.data(); }

  Matrix input_;   // [m×n]
  Matrix output_;  // [m×p]
  Matrix gate_;    // [m×n], or empty
  std::vector<double> bias_, gate_bias_;
};

}  // namespace herm
