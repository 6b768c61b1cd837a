// What merging would cost at least, for one neuron with very many others, quickly: single precision, in vector
// registers, from correlations and short Hermite profiles alone. The search ranks pairs by it and looks the promising
// ones up again (cost_estimate.h).
#pragma once

#include <cstddef>

#include "kernels/expansion_table.h"
#include "kernels/profile_table.h"

namespace herm {

constexpr std::size_t kProfileDegree = 12;

// c_0 … c_12, both remainders, amplitude and its inverse, reach ‖w‖/√Φ_ii.
struct ProfileFields {
  enum : std::size_t { kEven = kProfileDegree + 1, kOdd, kAmplitude, kInverse, kReach, kFields };
};

// Of every neuron its Hermite series scaled to E φ² = 1, and how it stands to others.
class Profiles : public ProfileTable<ProfileFields::kFields> {
 public:
  using Field = ProfileFields;
  using ProfileTable::ProfileTable;

  // Appends a neuron. `amplitude` = ‖v‖√Φ_ii as a share of the block's largest.
  void push(const HermiteSeries& series, double amplitude);
};

// One neuron and what its pairs are made of: correlations of inputs and of outputs, from the first neuron swept on.
struct PairSweep {
  const Profiles* profiles;
  bool odd;  // φ(−x) = −φ(x)
  std::size_t fixed;
  bool fixed_first;  // its position is below those swept: r is to the bit the same whichever neuron is fixed
  const float *input, *output;
};

// r[j − begin] ∈ [0, 1] for j in [begin, end): what merging neuron j with the fixed one would cost, in units of the
// lesser of both energies ‖v‖²Φ_ii. Between σ_2² and the cost of absorbing the weaker neuron; a mixture counts with a
// parent whose profile is the generator's, and less the rounding of this computation.
void sweep_pairs(const PairSweep& sweep, std::size_t begin, std::size_t end, float* r);

}  // namespace herm
