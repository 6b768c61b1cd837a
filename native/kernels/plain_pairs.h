// Blocks y = V φ(Wx + b) + c as the search sees them: unit input and output weights, Hermite series, and HERM's merge
// operator.
#pragma once

#include <memory>
#include <vector>

#include "kernels/cost_estimate.h"
#include "kernels/merge_operator.h"
#include "kernels/neuron_pairs.h"
#include "kernels/pair_sweep.h"
#include "kernels/stored_block.h"

namespace herm {

class PlainPairs final : public NeuronPairs {
 public:
  // Neurons in ascending order of their energies, of a block whose parts belong together (StoredBlock::check). Room for
  // `capacity` positions. Throws KernelError("NON_FINITE") where energies leave the range of double precision.
  // With samples (or null) the kernel is blended with theirs.
  PlainPairs(const Job& job, const Activation& activation, const StoredBlock& block, RowRoom room,
             const InputSamples* samples = nullptr);

  std::size_t size() const override { return neurons_.size(); }
  std::span<const GramKind> kinds() const override;
  const UnitRows& side(std::size_t s) const override { return s == 0 ? *input_ : *output_; }
  double energy(std::size_t p) const override { return neurons_[p].energy; }
  double output_norm(std::size_t p) const override { return neurons_[p].output; }
  void sweep(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows, float* r) const override;
  void keep_swept(const std::vector<std::uint32_t>& ranks) override { profiles_.compact(ranks); }
  float trust() const override { return trust_; }
  bool blind() const override { return blind_; }
  double gaussian_kernel(std::size_t a, std::size_t b) const override;
  const SampledKernel* samples() const override { return samples_.get(); }
  double estimate(std::size_t owner, std::size_t partner) const override;
  RefitLoss refit_loss(std::size_t first, std::size_t second, const Remainder& remainder) const override;
  void begin_merges(std::size_t count) override;
  SideMix merge(std::size_t t, std::size_t first, std::size_t second, const Remainder* remainder) override;
  void end_merges() override;
  void compact(const std::vector<std::uint32_t>& kept) override;

  SlotOrder in_order(std::size_t first, std::size_t second) const;
  // The operator's parent of two neurons, `first` being the one of the lower slot.
  Parent parent_of(std::size_t first, std::size_t second) const;
  PairView view(std::size_t first, std::size_t second) const;

 private:
  struct Neuron {
    std::uint32_t slot = 0;
    double bias = 0;    // as stored: the series' mean is the bias and what the prior's mean adds
    double output = 0;  // ‖v‖
    double second = 0;  // Φ_ii
    double energy = 0;
    HermiteSeries series;
  };
  Parent parent_of(const PairView& pair, std::size_t first, std::size_t second,
                   const Remainder* remainder = nullptr) const;
  void weigh(Neuron& neuron, std::size_t p) const;
  void add_profile(const Neuron& neuron);

  MergeOperator operator_;
  std::unique_ptr<UnitRows> input_, output_;
  std::unique_ptr<SampledKernel> samples_;
  std::unique_ptr<const CostEstimate> estimate_;  // made once the deviations are known; none with samples
  std::vector<Neuron> neurons_;
  std::vector<ShortSeries> short_;
  Profiles profiles_;
  double largest_amplitude_ = 0;
  float trust_ = 1;
  bool blind_ = false;
  std::size_t merging_ = 0;  // parents in the making
};

}  // namespace herm
