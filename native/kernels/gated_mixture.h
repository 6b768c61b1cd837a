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

// The parent's own numbers, and its inner products with child k as GatedGram{child, parent}.
GatedNeuron mixed_neuron(const GatedPairView& pair, const GatedMixture& mixture, double gate_mean, double value_mean);
GatedGram mixed_gram(const GatedPairView& pair, const GatedMixture& mixture, std::size_t k);

}  // namespace herm
