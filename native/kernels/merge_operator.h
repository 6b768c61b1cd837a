// HERM's merge operator: the one neuron that stands for two, near generator 1 of their GID (docs/theory.md, section 4).
#pragma once

#include <array>
#include <cstdint>

#include "kernels/activation.h"
#include "kernels/dtype.h"
#include "kernels/pair.h"

namespace herm {

// How parents' biases are stored.
struct BiasFormat {
  bool present = false;  // without a bias tensor every parent's bias is 0
  DType dtype = DType::F32;
};

// Everything the operator needs to know of a pair.
struct PairView {
  std::array<double, 2> dev;   // n_k
  std::array<double, 2> mean;  // μ_k
  Sym2 input;                  // ⟨w_k, w_l⟩
  Sym2 phi;                    // Φ_kl
  Sym2 output;                 // H_kl = ⟨v_k, v_l⟩
  std::array<const HermiteSeries*, 2> series;
};

// w_p = Σ α_k w_k, v_p = Σ β_k v_k, bias b_p. α and β are half-precision numbers (a file stores them as such) and b_p is
// representable in the bias format, so the parent described here is the one that gets built.
struct Parent {
  double cost = 0;  // δ: squared L²(prior) change of the pair's function
  std::array<double, 2> alpha{1, 0};
  std::array<double, 2> beta{1, 0};
  double bias = 0;
};

class MergeOperator {
 public:
  MergeOperator(const Activation& activation, const BiasFormat& bias);

  const HermiteExpander& expander() const { return expander_; }
  // The cheapest of both absorptions and the mixtures; absorbing wins ties, because its parent is exact.
  Parent best(const PairView& pair) const;
  // The cheaper absorption alone, an upper bound of best().cost from the Gram entries: no quadrature.
  Parent absorb(const PairView& pair) const;

 private:
  Parent absorb_into(const PairView& pair, int kept) const;
  bool mixture(const PairView& pair, std::array<double, 2>& alpha, std::array<double, 3>& means) const;
  Parent project(const PairView& pair, const std::array<double, 2>& alpha, double bias) const;

  HermiteExpander expander_;
  BiasFormat bias_;
};

// Half-precision bit patterns: how α and β are stored.
std::uint16_t to_half(double value);
double from_half(std::uint16_t half);

}  // namespace herm
