// The living neurons of a block while HERM merges them: Gram matrices, kernel and expansions, kept up to date merge by
// merge without new dot products (a parent's row is a combination of its children's rows).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/cost_estimate.h"
#include "kernels/half.h"
#include "kernels/interaction.h"
#include "kernels/merge_operator.h"

namespace herm {

// One merge: slots i < j; the parent takes slot i, slot j dies. α and β as half-precision bit patterns.
struct Merge {
  std::uint32_t i, j;
  std::array<std::uint16_t, 2> alpha, beta;
  double bias;
  double cost;
};

class MergeState {
 public:
  // Throws KernelError("NON_FINITE") where the Gram matrices or kernels leave the range of double precision.
  MergeState(const Job& job, const Activation& activation, const BiasFormat& bias, const BlockNeurons& block);

  std::size_t size() const { return alive_.size(); }
  bool alive(std::size_t slot) const { return alive_[slot] != 0; }
  std::size_t living() const { return living_; }

  // What merging two slots would cost by CostEstimate, and its bounds; the same whichever slot comes first.
  double estimate(std::size_t i, std::size_t j) const;
  double lower_bound(std::size_t i, std::size_t j) const { return CostEstimate::lower(phi(i, j), output(i, j)); }
  double upper_bound(std::size_t i, std::size_t j) const { return CostEstimate::upper(phi(i, j), output(i, j)); }
  // The operator's parent of two slots and its cost.
  Parent best(std::size_t i, std::size_t j) const;

  // Merges disjoint pairs of living slots.
  void apply(const Job& job, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& pairs,
             std::vector<Merge>& out);

 private:
  Sym2 phi(std::size_t i, std::size_t j) const { return {diagonals_[i].phi, phi_(i, j), diagonals_[j].phi}; }
  Sym2 output(std::size_t i, std::size_t j) const {
    return {diagonals_[i].output, output_(i, j), diagonals_[j].output};
  }
  PairView view(std::size_t i, std::size_t j) const;
  void refresh(std::size_t slot);

  MergeOperator operator_;
  std::unique_ptr<const CostEstimate> estimate_;  // made once the deviations are known
  std::vector<char> alive_;
  std::size_t living_;
  Matrix input_;   // ⟨w_i, w_j⟩ [m×m]
  Matrix output_;  // H [m×m]
  Matrix phi_;     // Φ [m×m]
  struct Diagonal {
    double input, output, phi;
  };
  std::vector<Diagonal> diagonals_;  // of the three matrices: a search along a row then reads no other
  InputNeurons neurons_;
  std::vector<HermiteSeries> series_;  // neuron-major copies for the operator
  std::vector<ShortSeries> short_;     // and for estimates
};

}  // namespace herm
