// HERM's merge operator for gated neurons: the one neuron that stands for two (docs/theory.md, section 4).
#pragma once

#include "kernels/gated_mixture.h"
#include "kernels/merge_operator.h"

namespace herm {

// g_p = Σ α_k g_k, u_p = Σ α′_k u_k, v_p = Σ β_k v_k and two biases. Coefficients are half-precision numbers and biases
// representable in their formats, so the parent described here is the one that gets built.
struct GatedParent {
  double cost = 0;  // δ: squared L²(prior) change of the pair's function
  std::array<double, 2> alpha{1, 0};
  std::array<double, 2> alpha_value{1, 0};
  std::array<double, 2> beta{1, 0};
  double gate_bias = 0;
  double value_bias = 0;
  double loss = 0;  // as Parent's
  ParentKernel kernel{};
};

class GatedOperator {
 public:
  GatedOperator(const Activation& activation, const BiasFormat& gate_bias, const BiasFormat& value_bias);

  const GatedExpander& expander() const { return expander_; }
  // The cheapest of both absorptions and the mixtures; absorbing wins ties, because its parent is exact.
  // With samples and a remainder as in MergeOperator.
  GatedParent best(const GatedPairView& pair, const GatedSeries& first, const GatedSeries& second,
                   const SampledPair* samples = nullptr, const Remainder* remainder = nullptr) const;

 private:
  GatedParent absorb_into(const GatedPairView& pair, std::size_t kept, const Remainder* remainder) const;
  GatedParent project(const GatedPairView& pair, const GatedMixture& mixture, double gate_bias, double value_bias,
                      const GatedSeries& first, const GatedSeries& second, const SampledPair* samples,
                      const Remainder* remainder) const;

  GatedExpander expander_;
  BiasFormat gate_bias_, value_bias_;
};

}  // namespace herm
