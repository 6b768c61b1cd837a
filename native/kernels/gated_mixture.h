// The inputs that the parent of two gated neurons may get (docs/theory.md, section 4).
#pragma once

#include <array>

#include "kernels/gated_neuron.h"
#include "kernels/pair.h"

namespace herm {

// Everything a merge needs to know of a pair of gated neurons k, l.
struct GatedPairView {
  std::array<double, 2> gate_dev;              // n_k
  std::array<double, 2> gate_mean;             // μ_k
  std::array<double, 2> value_mean;            // β_k
  Sym2 gate;                                   // ⟨g_k, g_l⟩
  Sym2 value;                                  // ⟨u_k, u_l⟩
  std::array<std::array<double, 2>, 2> cross;  // ⟨g_k, u_l⟩
  Sym2 phi;                                    // Φ_kl
  Sym2 output;                                 // H_kl = ⟨v_k, v_l⟩
  // As stored: μ_k and β_k are these and what the prior's mean adds.
  std::array<double, 2> gate_bias;
  std::array<double, 2> value_bias;

  // Σ α_k b_gk and Σ α_k b_uk
  double stored_gate_bias(const std::array<double, 2>& alpha) const {
    return alpha[0] * gate_bias[0] + alpha[1] * gate_bias[1];
  }
  double stored_value_bias(const std::array<double, 2>& alpha) const {
    return alpha[0] * value_bias[0] + alpha[1] * value_bias[1];
  }
  // ⟨g_p, prior's mean⟩ and ⟨u_p, prior's mean⟩ of g_p = Σ α_k g_k and u_p = Σ α_k u_k.
  double gate_shift(const std::array<double, 2>& alpha) const {
    return alpha[0] * (gate_mean[0] - gate_bias[0]) + alpha[1] * (gate_mean[1] - gate_bias[1]);
  }
  double value_shift(const std::array<double, 2>& alpha) const {
    return alpha[0] * (value_mean[0] - value_bias[0]) + alpha[1] * (value_mean[1] - value_bias[1]);
  }

  GatedNeuron neuron(std::size_t k) const {
    return {gate_dev[k], gate_mean[k], value_mean[k], cross[k][k], k == 0 ? value.a11 : value.a22};
  }
};

// g_p = Σ α_k g_k and u_p = Σ α′_k u_k, all four half-precision numbers.
struct GatedMixture {
  std::array<double, 2> gate;        // α
  std::array<double, 2> value;       // α′
  std::array<double, 3> gate_means;  // candidates for μ_p, the first `mean_count` of them
  std::size_t mean_count;
  double value_mean;  // β_p
};

// The mixtures that generator 1 ∝ Σ e_k f_k suggests: a gate between the children's, and the gate of the child that
// weighs more. Returns how many there are; none where a gate's deviation or a whole value branch is 0, or where a
// coefficient leaves half precision.
std::size_t mix(const Activation& activation, const GatedPairView& pair, std::array<GatedMixture, 2>& out);

// The parent's own numbers with these biases, and its inner products with child k as GatedGram{child, parent}.
GatedNeuron mixed_neuron(const GatedPairView& pair, const GatedMixture& mixture, double gate_bias, double value_bias);
GatedGram mixed_gram(const GatedPairView& pair, const GatedMixture& mixture, std::size_t k);

}  // namespace herm
