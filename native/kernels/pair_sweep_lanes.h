// The loop of pair_sweep.cc, which each_cpu.h compiles. No include guard.
#include "kernels/float_lanes.h"

namespace herm::HERM_SIMD {

namespace {

// ρ^13 and the remainders' share: kernel_tail.h in single precision. Correlations whose 13th power is lost in rounding
// count as 0: what is made of their powers would be denormal, and slow.
static_assert(kProfileDegree == 12);
HERM_INLINE Lanes tail(const Lanes& even, const Lanes& odd, const Lanes& correlation) {
  const Lanes rho = select(magnitude(correlation) > constant(0.2f), correlation, constant(0));
  const Lanes square = rho * rho, fourth = square * square, power = fourth * fourth * fourth * rho, y = power * rho;
  return power * (even * rho + odd) * (constant(0.5f) + y * (constant(0.3f) + 0.2f * (y * y)));
}

// A product of coefficients where neuron 2 of an odd activation may be mirrored: even ones change sign, seen from where
// it then points.
template <bool kOddActivation>
HERM_INLINE Lanes mirrored(std::size_t k, const Lanes& sign, const Lanes& c) {
  if constexpr (kOddActivation) return k % 2 == 0 ? sign * c : c;
  return c;
}

// ρ and h: the correlations of inputs and of outputs.
template <bool kOddActivation, class First, class Second>
HERM_INLINE Lanes estimate(const First& first, const Second& second, const Lanes& rho, const Lanes& h) {
  using F = Profiles::Field;
  const Lanes zero = constant(0), one = constant(1);
  // From here on neuron 1 is the one of less energy, and everything is in units of it.
  const Mask swap = second[F::kAmplitude] < first[F::kAmplitude];
  const Lanes amplitude2 = max_of(second[F::kAmplitude], first[F::kAmplitude]);
  const Lanes inverse1 = select(swap, second[F::kInverse], first[F::kInverse]);
  const Lanes reach1 = select(swap, second[F::kReach], first[F::kReach]);
  const Lanes reach2 = select(swap, first[F::kReach], second[F::kReach]);
  const Lanes e1 = select(swap, second[F::kEven], first[F::kEven]),
              e2 = select(swap, first[F::kEven], second[F::kEven]);
  const Lanes o1 = select(swap, second[F::kOdd], first[F::kOdd]), o2 = select(swap, first[F::kOdd], second[F::kOdd]);
  const Lanes s = max_of(min_of(amplitude2 * inverse1, constant(kFarthest)), one);

  // a = Φ_12, in units where Φ_11 = Φ_22 = 1
  Lanes a = zero;
  for (std::size_t k = kProfileDegree + 1; k-- > 0;) a = a * rho + first[k] * second[k];
  a = clamp_unit(a + tail(e1 * e2, o1 * o2, rho));

  // The pair's generator: dominant eigenvector (w1, w2) of HΦ, and σ_2².
  const Lanes sh = s * h, difference = s * s - one;
  const Lanes m12 = a + sh, m21 = s * (h + s * a);
  const Lanes gap = root(max_of(difference * difference + 4.0f * (m12 * m21), zero));
  const Lanes w1 = magnitude(m12), w2 = 0.5f * (difference + gap);
  const Lanes absorb = one - a * a;
  const Lanes sum = one + 2.0f * (sh * a) + s * s + gap;  // 2 σ_1²

  // The parent's correlations with its children.
  Lanes sign = one;
  if constexpr (kOddActivation) sign = select(m12 < zero, -one, one);
  const Lanes t1 = w1 * reach1, t2 = w2 * reach2, signed_rho = sign * rho;
  const Lanes length2 = t1 * t1 + t2 * t2 + 2.0f * (t1 * t2 * signed_rho), reach = t1 + t2;
  const Lanes shrink = one / root(length2);
  const Lanes rho1 = clamp_unit((t1 + t2 * signed_rho) * shrink), rho2 = clamp_unit((t1 * signed_rho + t2) * shrink);
  // Two quotients with one division.
  const Lanes above = max_of(one + rho2, constant(kLeastSum)), inverse = one / (sum * above);
  const Lanes away = t1 * t1 * (one - rho * rho) * shrink * shrink * (inverse * sum);  // 1 − ρ_2
  const Lanes sigma2 = 2.0f * (s * s * absorb * (one - h * h)) * (inverse * above);

  // The parent's profile is p = w1 c1 + w2 c2. x = Φ_1p; what Φ_2p falls short of w1 Σ c1 c2 + w2 is added up from
  // 1 − ρ_2^k = (1 − ρ_2)(1 + … + ρ_2^{k−1}): next to a strong neuron the parent changes little, and by just as little
  // that it costs. Σ_k b_k (1 + … + ρ^{k−1}) is Horner's rule on the sums of all b beyond k.
  Lanes x1 = zero, x2 = zero, both = zero, short1 = zero, short2 = zero, beyond2 = zero;
  for (std::size_t k = kProfileDegree + 1; k-- > 0;) {
    const Lanes u = first[k], v = second[k], c1 = select(swap, v, u), c2 = select(swap, u, v);
    const Lanes product = mirrored<kOddActivation>(k, sign, u * v);
    x1 = x1 * rho1 + c1 * c1;
    x2 = x2 * rho1 + product;
    short1 = short1 * rho2 + both;
    short2 = short2 * rho2 + beyond2;
    both = both + product;
    beyond2 = beyond2 + c2 * c2;
  }
  const Lanes both_even = mirrored<kOddActivation>(0, sign, e1 * e2), both_odd = o1 * o2;
  const Lanes even2 = e2 * e2, odd2 = o2 * o2;
  const Lanes x = w1 * (x1 + tail(e1 * e1, o1 * o1, rho1)) + w2 * (x2 + tail(both_even, both_odd, rho1));
  both = both + both_even + both_odd;
  short1 = short1 * away + (both_even + both_odd - tail(both_even, both_odd, rho2));
  short2 = short2 * away + (even2 + odd2 - tail(even2, odd2, rho2));
  const Lanes cross = both - short1;                            // Φ between child 1's profile at ρ_2 and child 2's
  const Lanes y = w2 * (one - short2) + w1 * cross;             // Φ_2p
  const Lanes z = w1 * w1 + w2 * w2 + 2.0f * (w1 * w2 * both);  // Φ_pp
  // z − y²
  const Lanes left = 2.0f * (w1 * w2 * (short1 + cross * short2)) + w1 * w1 * (one - cross * cross) +
                     w2 * w2 * short2 * (constant(2) - short2);

  const Lanes per = one / z;
  Lanes mixed = (one - x * x * per) + 2.0f * (sh * (a - sign * x * y * per)) + s * s * left * per;
  // Not mixed: NaN where nothing can be, and inputs that nearly cancel.
  mixed = select(length2 > kOppositeSquared * (reach * reach), mixed - kRounding * s, absorb);
  mixed = min_of(mixed, absorb);
  const Lanes r = max_of(mixed, sigma2) - constant(kRounding);
  // Never between nothing and what the schedule calls free; and 0 where it is NaN.
  return select(r > constant(1e-8f), min_of(r, one), zero);
}

template <bool kOddActivation, bool kFixedFirst>
void sweep_lanes(const PairSweep& sweep, std::size_t begin, std::size_t end, float* r) {
  std::array<const float*, ProfileFields::kFields> rows;
  std::array<float, ProfileFields::kFields> fixed;
  for (std::size_t f = 0; f < ProfileFields::kFields; ++f) {
    rows[f] = sweep.profiles->row(f);
    fixed[f] = rows[f][sweep.fixed];
  }
  for (std::size_t j = begin; j < end; j += kLaneCount) {
    const Side<true> one{rows.data(), fixed.data(), j};
    const Side<false> many{rows.data(), fixed.data(), j};
    const Lanes rho = load(&sweep.input[j - begin]), h = load(&sweep.output[j - begin]);
    if constexpr (kFixedFirst) {
      store(estimate<kOddActivation>(one, many, rho, h), r + (j - begin));
    } else {
      store(estimate<kOddActivation>(many, one, rho, h), r + (j - begin));
    }
  }
}

}  // namespace

void sweep_pairs(const PairSweep& sweep, std::size_t begin, std::size_t end, float* r) {
  if (sweep.odd) {
    sweep.fixed_first ? sweep_lanes<true, true>(sweep, begin, end, r) : sweep_lanes<true, false>(sweep, begin, end, r);
  } else {
    sweep.fixed_first ? sweep_lanes<false, true>(sweep, begin, end, r)
                      : sweep_lanes<false, false>(sweep, begin, end, r);
  }
}

}  // namespace herm::HERM_SIMD
