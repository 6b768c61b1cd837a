// The loop of gated_sweep.cc, which each_cpu.h compiles. No include guard.
#include "kernels/float_lanes.h"

namespace herm::HERM_SIMD {

namespace {

struct GatedCorrelations {
  Lanes gate, value, gate_value, value_gate, output;  // of the first neuron with the second one
};

template <class First, class Second>
HERM_INLINE Lanes gated_estimate(const First& i, const Second& j, const GatedCorrelations& c) {
  using F = GatedProfiles::Field;
  const Lanes zero = constant(0), one = constant(1);
  // Φ_ij in units where Φ_ii = Φ_jj = 1: gated_neuron.h, without what lies beyond degree 12.
  const Lanes rho = c.gate, ri = i[F::kSlope], rj = j[F::kSlope];
  const Lanes tau_ij = c.gate_value - rj * rho, tau_ji = c.value_gate - ri * rho;
  const Lanes kappa = c.value - (rj * c.value_gate + ri * c.gate_value) + ri * rj * rho, tau2 = tau_ij * tau_ji;
  Lanes a = zero;
  for (std::size_t k = F::kTerms - 1; k-- > 0;) {
    const Lanes ai = i[F::kA + k], aj = j[F::kA + k], bi = i[F::kB + k], bj = j[F::kB + k];
    const Lanes mixed = tau_ij * (i[F::kA + k + 1] * bj) + tau_ji * (j[F::kA + k + 1] * bi);
    const Lanes squares = tau2 * (i[F::kB + k + 1] * j[F::kB + k + 1]);
    a = a * rho + (ai * aj + kappa * (bi * bj) + kRoots[k] * mixed + (kRoots[k] * kRoots[k]) * squares);
  }
  a = clamp_unit(a);
  const Lanes absorb = one - a * a;

  const Lanes x = i[F::kAmplitude], y = j[F::kAmplitude];
  const Lanes s = min_of(max_of(x, y) / min_of(x, y), constant(kFarthest));
  const Lanes h = c.output, energy = one + 2.0f * (s * h * a) + s * s, det = s * s * absorb * (one - h * h);
  const Lanes sigma2 = 2.0f * det / (energy + root(max_of(energy * energy - 4.0f * det, zero)));
  const Lanes similar = sigma2 - constant(kDegreesLeftOut);
  const Lanes r = select(rho > constant(kSimilarGates), similar, absorb) - constant(kGatedRounding);
  // Never between nothing and what the schedule calls free; and 0 where it is NaN.
  return select(r > constant(1e-8f), r, zero);
}

template <bool kFixedFirst>
void sweep_gated_lanes(const GatedSweep& sweep, std::size_t begin, std::size_t end, float* r) {
  std::array<const float*, GatedProfileFields::kFields> rows;
  std::array<float, GatedProfileFields::kFields> fixed;
  for (std::size_t f = 0; f < GatedProfileFields::kFields; ++f) {
    rows[f] = sweep.profiles->row(f);
    fixed[f] = rows[f][sweep.fixed];
  }
  for (std::size_t j = begin; j < end; j += kLaneCount) {
    const Side<true> one{rows.data(), fixed.data(), j};
    const Side<false> many{rows.data(), fixed.data(), j};
    const std::size_t at = j - begin;
    GatedCorrelations c{load(sweep.gate + at), load(sweep.value + at), load(sweep.gate_value + at),
                        load(sweep.value_gate + at), load(sweep.output + at)};
    if constexpr (kFixedFirst) {
      store_lanes(gated_estimate(one, many, c), r + (j - begin));
    } else {
      const Lanes swapped = c.gate_value;
      c.gate_value = c.value_gate;
      c.value_gate = swapped;
      store_lanes(gated_estimate(many, one, c), r + (j - begin));
    }
  }
}

}  // namespace

void sweep_gated(const GatedSweep& sweep, std::size_t begin, std::size_t end, float* r) {
  sweep.fixed_first ? sweep_gated_lanes<true>(sweep, begin, end, r) : sweep_gated_lanes<false>(sweep, begin, end, r);
}

}  // namespace herm::HERM_SIMD
