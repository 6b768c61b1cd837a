// Gated blocks y = V (φ(Gx + b_g) ⊙ (Ux + b_u)) + c as the search sees them.
#pragma once

#include <memory>
#include <vector>

#include "kernels/gated_operator.h"
#include "kernels/gated_sweep.h"
#include "kernels/neuron_pairs.h"
#include "kernels/stored_block.h"

namespace herm {

class GatedPairs final : public NeuronPairs {
 public:
  // As PlainPairs.
  GatedPairs(const Job& job, const Activation& activation, const StoredBlock& block, RowRoom room,
             const InputSamples* samples = nullptr);

  std::size_t size() const override { return neurons_.size(); }
  std::span<const GramKind> kinds() const override;
  const UnitRows& side(std::size_t s) const override { return *sides_[s]; }
  double energy(std::size_t p) const override { return neurons_[p].energy; }
  double output_norm(std::size_t p) const override { return neurons_[p].output; }
  void sweep(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows, float* r) const override;
  void keep_swept(const std::vector<std::uint32_t>& ranks) override { profiles_.compact(ranks); }
  bool blind() const override { return blind_; }
  double gaussian_kernel(std::size_t a, std::size_t b) const override;
  const SampledKernel* samples() const override { return samples_.get(); }
  // The operator's own cost.
  double estimate(std::size_t owner, std::size_t partner) const override;
  RefitLoss refit_loss(std::size_t first, std::size_t second, const Remainder& remainder) const override;
  void begin_merges(std::size_t count) override;
  SideMix merge(std::size_t t, std::size_t first, std::size_t second, const Remainder* remainder) override;
  void end_merges() override;
  void compact(const std::vector<std::uint32_t>& kept) override;

  SlotOrder in_order(std::size_t first, std::size_t second) const;
  // The operator's parent of two neurons, `first` being the one of the lower slot.
  GatedParent parent_of(std::size_t first, std::size_t second) const;
  GatedPairView view(std::size_t first, std::size_t second) const;

 private:
  struct Neuron {
    std::uint32_t slot = 0;
    double gate_bias = 0, value_bias = 0;  // as stored: the means are these and what the prior's mean adds
    double output = 0;                     // ‖v‖
    double second = 0;                     // Φ_ii
    double energy = 0;
    GatedNeuron input;
    GatedSeries series;
  };
  GatedParent parent_of(const GatedPairView& pair, std::size_t first, std::size_t second,
                        const Remainder* remainder = nullptr) const;
  GatedGram gram(std::size_t first, std::size_t second) const;
  void weigh(Neuron& neuron, std::size_t p) const;
  void add_profile(const Neuron& neuron);

  GatedOperator operator_;
  std::array<std::unique_ptr<UnitRows>, 3> sides_;  // gates, values, outputs
  std::unique_ptr<SampledKernel> samples_;
  std::vector<Neuron> neurons_;
  GatedProfiles profiles_;
  double largest_amplitude_ = 0;
  bool blind_ = false;
  std::size_t merging_ = 0;  // parents in the making
};

}  // namespace herm
