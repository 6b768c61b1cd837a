// What merging would cost, for one gated neuron with very many others, quickly: pair_sweep.h for gated blocks.
#pragma once

#include <cstddef>

#include "kernels/gated_neuron.h"
#include "kernels/profile_table.h"

namespace herm {

constexpr std::size_t kGatedProfileDegree = 12;

// A_0 … A_13, B_0 … B_13 times ‖u‖, the correlation of gate and value, the amplitude.
struct GatedProfileFields {
  static constexpr std::size_t kTerms = kGatedProfileDegree + 2;
  enum : std::size_t { kA = 0, kB = kTerms, kSlope = 2 * kTerms, kAmplitude, kFields };
};

// Of every neuron its expansion scaled to E f² = 1, and how it stands to others.
class GatedProfiles : public ProfileTable<GatedProfileFields::kFields> {
 public:
  using Field = GatedProfileFields;
  using ProfileTable::ProfileTable;

  // Appends a neuron. `value` = ‖u‖; `amplitude` = ‖v‖√Φ_ii as a share of the block's largest.
  void push(const GatedSeries& series, double value, double amplitude);
};

// One neuron and its correlations with others, from the first one swept on: gates, values, its gate with their values,
// its value with their gates, outputs.
struct GatedSweep {
  const GatedProfiles* profiles;
  std::size_t fixed;
  bool fixed_first;  // its position is below those swept
  const float *gate, *value, *gate_value, *value_gate, *output;
};

// r[j − begin] ∈ [0, 1] for j in [begin, end), in units of the lesser of both energies: the cost of absorbing the
// weaker neuron, which is the cheapest merge unless the gates point the same way; for gates correlated above ½, what no
// merge can be cheaper than (σ_2², less the degrees left out). Whole vectors, as in pair_sweep.h.
void sweep_gated(const GatedSweep& sweep, std::size_t begin, std::size_t end, float* r);

}  // namespace herm
