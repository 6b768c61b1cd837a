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
};

class LoadedBlock {
 public:
  explicit LoadedBlock(const StoredBlock& stored)
      : input_(load_neurons(stored.input)), output_(load_neurons(stored.output)) {
    if (input_.rows() != output_.rows()) throw std::invalid_argument("input and output weights differ in neurons");
    if (!stored.has_bias) return;
    bias_.resize(checked_mul(stored.bias.rows, stored.bias.cols));
    if (bias_.size() != input_.rows()) throw std::invalid_argument("the bias has not one number a neuron");
    widen(stored.bias.dtype, stored.bias.bytes, bias_.size(), bias_.data());
  }

  BlockNeurons view() const { return {input_.view(), bias_.empty() ? nullptr : bias_.data(), output_.view()}; }

 private:
  Matrix input_;   // [m×n]
  Matrix output_;  // [m×p]
  std::vector<double> bias_;
};

}  // namespace herm
