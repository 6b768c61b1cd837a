// The loop of gated_sweep.cc, compiled once for every kind of CPU as pair_sweep_lanes.h is.
namespace herm::HERM_SIMD {

namespace {

// The neurons of the pairs in the order of their positions: one for all lanes, or one a lane.
template <class T, bool kFixed>
struct GatedSide {
  const float* const* rows;
  const float* fixed;
  std::size_t at;

  HERM_INLINE T operator[](std::size_t field) const {
    if constexpr (kFixed) {
      return T{} + fixed[field];
    } else {
      return load_lanes<T>(rows[field] + at);
    }
  }
};

template <class T>
struct GatedCorrelations {
  T gate, value, gate_value, value_gate, output;  // of the first neuron with the second one
};

template <class T>
HERM_INLINE T gated_root(const T& x) {
  T y;
  for (std::size_t l = 0; l < sizeof(T) / sizeof(float); ++l) y[l] = __builtin_sqrtf(x[l]);
  return y;
}

template <class T, class First, class Second>
HERM_INLINE T gated_estimate(const First& i, const Second& j, const GatedCorrelations<T>& c) {
  using F = GatedProfiles::Field;
  const T zero = T{}, one = zero + 1.0f;
  // Φ_ij in units where Φ_ii = Φ_jj = 1: gated_neuron.h, without what lies beyond degree 12.
  const T rho = c.gate, ri = i[F::kSlope], rj = j[F::kSlope];
  const T tau_ij = c.gate_value - rj * rho, tau_ji = c.value_gate - ri * rho;
  const T kappa = c.value - (rj * c.value_gate + ri * c.gate_value) + ri * rj * rho, tau2 = tau_ij * tau_ji;
  T a = zero;
  for (std::size_t k = GatedProfiles::kTerms - 1; k-- > 0;) {
    const T ai = i[F::kA + k], aj = j[F::kA + k], bi = i[F::kB + k], bj = j[F::kB + k];
    const T mixed = tau_ij * (i[F::kA + k + 1] * bj) + tau_ji * (j[F::kA + k + 1] * bi);
    const T squares = tau2 * (i[F::kB + k + 1] * j[F::kB + k + 1]);
    a = a * rho + (ai * aj + kappa * (bi * bj) + kRoots[k] * (mixed + kRoots[k] * squares));
  }
  a = a < one ? a : one;
  a = a > -one ? a : -one;
  const T absorb = one - a * a;

  const T x = i[F::kAmplitude], y = j[F::kAmplitude];
  T s = y < x ? x / y : y / x;
  s = s < kFarthest ? s : zero + kFarthest;
  const T h = c.output, energy = one + 2.0f * s * h * a + s * s, det = s * s * absorb * (one - h * h);
  const T square = energy * energy - 4.0f * det;
  const T sigma2 = 2.0f * det / (energy + gated_root<T>(square > zero ? square : zero));
  const T r = (rho > kSimilarGates ? sigma2 - kDegreesLeftOut : absorb) - kGatedRounding;
  return r > 1e-8f ? r : zero;  // never between nothing and what the schedule calls free
}

template <bool kFixedFirst>
void sweep_gated_lanes(const GatedSweep& sweep, std::size_t begin, std::size_t end, float* r) {
  using Lanes = typename FloatVectorOf<HERM_SIMD_WIDTH>::type;
  std::array<const float*, GatedProfiles::kFields> rows;
  std::array<float, GatedProfiles::kFields> fixed;
  for (std::size_t f = 0; f < GatedProfiles::kFields; ++f) {
    rows[f] = sweep.profiles->row(f);
    fixed[f] = rows[f][sweep.fixed];
  }
  for (std::size_t j = begin; j < end; j += HERM_SIMD_WIDTH) {
    const GatedSide<Lanes, true> one{rows.data(), fixed.data(), j};
    const GatedSide<Lanes, false> many{rows.data(), fixed.data(), j};
    const auto load = [&](const float* row) { return load_lanes<Lanes>(row + (j - begin)); };
    GatedCorrelations<Lanes> c{load(sweep.gate), load(sweep.value), load(sweep.gate_value), load(sweep.value_gate),
                               load(sweep.output)};
    if constexpr (kFixedFirst) {
      store_lanes(gated_estimate<Lanes>(one, many, c), r + (j - begin));
    } else {
      const Lanes swapped = c.gate_value;
      c.gate_value = c.value_gate;
      c.value_gate = swapped;
      store_lanes(gated_estimate<Lanes>(many, one, c), r + (j - begin));
    }
  }
}

}  // namespace

void sweep_gated(const GatedSweep& sweep, std::size_t begin, std::size_t end, float* r) {
  sweep.fixed_first ? sweep_gated_lanes<true>(sweep, begin, end, r) : sweep_gated_lanes<false>(sweep, begin, end, r);
}

}  // namespace herm::HERM_SIMD
