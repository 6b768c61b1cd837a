// HERM's merge operator: the one neuron that stands for two, near generator 1 of their GID (docs/theory.md, section 4).
#pragma once

#include <array>

#include "kernels/dtype.h"
#include "kernels/mixture.h"
#include "kernels/remainder.h"
#include "kernels/sampled_kernel.h"

namespace herm {

// How parents' biases are stored.
struct BiasFormat {
  bool present = false;  // without a bias tensor every parent's bias is 0
  DType dtype = DType::F32;

  // The bias that a mixture gets instead of this one: the nearest number with 10 mantissa bits (bias_grid.h).
  double round(double bias) const;
  // The same of the biases that give these means, to which the prior's mean adds `shift`.
  std::array<double, 3> round_all(const std::array<double, 3>& means, double shift) const;
};

// w_p = Σ α_k w_k, v_p = Σ β_k v_k, bias b_p. α and β are half-precision numbers (a file stores them as such) and b_p
// is representable in the bias format, so the parent described here is the one that gets built.
struct Parent {
  double cost = 0;  // δ: squared L²(prior) change of the pair's function
  std::array<double, 2> alpha{1, 0};
  std::array<double, 2> beta{1, 0};
  double bias = 0;
  double loss = 0;  // what candidates were compared by: δ, or by how much a refit's squared error grows
  ParentKernel kernel{};
};

class MergeOperator {
 public:
  MergeOperator(const Activation& activation, const BiasFormat& bias);

  const HermiteExpander& expander() const { return expander_; }
  // The cheapest of both absorptions and the mixtures; absorbing wins ties, because its parent is exact. With samples
  // (or null), whose kernel the view has, mixtures are held against them, too. With a remainder (or null) the cheapest
  // one is that of a refit.
  Parent best(const PairView& pair, const HermiteSeries& first, const HermiteSeries& second,
              const SampledPair* samples = nullptr, const Remainder* remainder = nullptr) const;

 private:
  Parent absorb_into(const PairView& pair, std::size_t kept, const Remainder* remainder) const;
  Parent project(const PairView& pair, const Mixture& mixture, double bias, const HermiteSeries& first,
                 const HermiteSeries& second, const SampledPair* samples, const Remainder* remainder) const;

  HermiteExpander expander_;
  BiasFormat bias_;
};

}  // namespace herm
