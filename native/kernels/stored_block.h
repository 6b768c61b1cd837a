// A block as its model file stores it, and the same in double with neurons as rows and inputs x ~ N(0, I).
#pragma once

#include <stdexcept>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/input_prior.h"
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
  InputPrior prior{};        // of the inputs

  // Throws std::invalid_argument where the parts do not belong together.
  void check() const {
    const std::size_t m = input.neurons();
    prior.check(input.width());
    if (output.neurons() != m) throw std::invalid_argument("input and output weights differ in neurons");
    if (has_gate && (gate.neurons() != m || gate.width() != input.width()))
      throw std::invalid_argument("gates and values differ in size");
    if ((has_bias && checked_mul(bias.rows, bias.cols) != m) ||
        (has_gate && has_gate_bias && checked_mul(gate_bias.rows, gate_bias.cols) != m))
      throw std::invalid_argument("the bias has not one number a neuron");
  }
};

// Its functions: input weights and biases as they are where the prior is N(0, I).
class LoadedBlock {
 public:
  explicit LoadedBlock(const StoredBlock& stored) {
    stored.check();
    input_ = load_neurons(stored.input);
    output_ = load_neurons(stored.output);
    if (stored.has_bias) bias_ = load_bias(stored.bias);
    stored.prior.apply(input_.view(), bias_);
    if (!stored.has_gate) return;
    gate_ = load_neurons(stored.gate);
    if (stored.has_gate_bias) gate_bias_ = load_bias(stored.gate_bias);
    stored.prior.apply(gate_.view(), gate_bias_);
  }

  BlockNeurons view() const {
    return {input_.view(), pointer(bias_), output_.view(), gate_.view(), pointer(gate_bias_)};
  }

 private:
  static std::vector<double> load_bias(const StoredMatrix& stored) {
    std::vector<double> bias(checked_mul(stored.rows, stored.cols));
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
