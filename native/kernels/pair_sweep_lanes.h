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

// Pairs of one neuron with a stretch of others. They go through short loops, one after the other: in a single one every
// pair would be a chain of some 700 instructions, and the CPU sees too few of them at once to work on the next pair
// while this one waits.
template <bool kOddActivation, bool kFixedFirst>
class Stretch {
 public:
  static constexpr std::size_t kPairs = 4 * kSweepPadding;

  explicit Stretch(const PairSweep& sweep) {
    for (std::size_t f = 0; f < F::kFields; ++f) {
      rows_[f] = sweep.profiles->row(f);
      fixed_[f] = rows_[f][sweep.fixed];
    }
  }

  // r[j − begin] for [begin, end), at most kPairs. `input` and `output` are of the same neurons.
  void estimate(const float* input, const float* output, std::size_t begin, std::size_t end, float* r) {
    const std::size_t count = end - begin;
    for (std::size_t l = 0; l < count; l += kLaneCount) kernel(first(begin + l), second(begin + l), load(input + l), l);
    for (std::size_t l = 0; l < count; l += kLaneCount)
      generator(first(begin + l), second(begin + l), load(output + l), l);
    for (std::size_t l = 0; l < count; l += kLaneCount)
      parent(first(begin + l), second(begin + l), load(input + l), load(output + l), l);
    for (std::size_t l = 0; l < count; l += kLaneCount) parent_kernels(first(begin + l), second(begin + l), l);
    for (std::size_t l = 0; l < count; l += kLaneCount) store(cost(l), r + l);
  }

 private:
  using F = Profiles::Field;
  // Numbers that one loop leaves to others.
  struct Row {
    alignas(HERM_SIMD_BYTES) std::array<float, kPairs> values;
  };
  HERM_INLINE static Lanes get(const Row& row, std::size_t l) { return load(row.values.data() + l); }
  HERM_INLINE static void set(Row& row, std::size_t l, const Lanes& x) { store(x, row.values.data() + l); }

  HERM_INLINE Side<kFixedFirst> first(std::size_t at) const { return {rows_.data(), fixed_.data(), at}; }
  HERM_INLINE Side<!kFixedFirst> second(std::size_t at) const { return {rows_.data(), fixed_.data(), at}; }
  // Whether neuron 2 has less energy. The one that has is neuron 1 from `generator` on, and everything is in its units.
  template <class First, class Second>
  HERM_INLINE static Mask swapped(const First& first, const Second& second) {
    return second[F::kAmplitude] < first[F::kAmplitude];
  }

  // a = Φ_12, in units where Φ_11 = Φ_22 = 1
  template <class First, class Second>
  HERM_INLINE void kernel(const First& first, const Second& second, const Lanes& rho, std::size_t l) {
    Lanes a = constant(0);
    for (std::size_t k = kProfileDegree + 1; k-- > 0;) a = a * rho + first[k] * second[k];
    set(a_, l, clamp_unit(a + tail(first[F::kEven] * second[F::kEven], first[F::kOdd] * second[F::kOdd], rho)));
  }

  // The pair's generator: dominant eigenvector (w1, w2) of HΦ.
  template <class First, class Second>
  HERM_INLINE void generator(const First& first, const Second& second, const Lanes& h, std::size_t l) {
    const Lanes zero = constant(0), one = constant(1);
    const Mask swap = swapped(first, second);
    const Lanes amplitude2 = max_of(second[F::kAmplitude], first[F::kAmplitude]);
    const Lanes inverse1 = select(swap, second[F::kInverse], first[F::kInverse]);
    const Lanes s = max_of(min_of(amplitude2 * inverse1, constant(kFarthest)), one);
    const Lanes a = get(a_, l), sh = s * h, difference = s * s - one;
    const Lanes m12 = a + sh, m21 = s * (h + s * a);
    const Lanes gap = root(max_of(difference * difference + 4.0f * (m12 * m21), zero));
    set(s_, l, s);
    set(sh_, l, sh);
    set(m12_, l, m12);
    set(w2_, l, 0.5f * (difference + gap));
    set(sum_, l, one + 2.0f * (sh * a) + s * s + gap);  // 2 σ_1²
  }

  // The parent's correlations with its children, and σ_2².
  template <class First, class Second>
  HERM_INLINE void parent(const First& first, const Second& second, const Lanes& rho, const Lanes& h, std::size_t l) {
    const Lanes one = constant(1);
    const Mask swap = swapped(first, second);
    const Lanes reach1 = select(swap, second[F::kReach], first[F::kReach]);
    const Lanes reach2 = select(swap, first[F::kReach], second[F::kReach]);
    const Lanes s = get(s_, l), a = get(a_, l), absorb = one - a * a;
    const Lanes t1 = magnitude(get(m12_, l)) * reach1, t2 = get(w2_, l) * reach2, signed_rho = sign(l) * rho;
    const Lanes length2 = t1 * t1 + t2 * t2 + 2.0f * (t1 * t2 * signed_rho), reach = t1 + t2;
    const Lanes shrink = one / root(length2);
    const Lanes rho1 = clamp_unit((t1 + t2 * signed_rho) * shrink), rho2 = clamp_unit((t1 * signed_rho + t2) * shrink);
    // Two quotients with one division.
    const Lanes sum = get(sum_, l), above = max_of(one + rho2, constant(kLeastSum)), inverse = one / (sum * above);
    set(away_, l, t1 * t1 * (one - rho * rho) * shrink * shrink * (inverse * sum));  // 1 − ρ_2
    set(sigma2_, l, 2.0f * (s * s * absorb * (one - h * h)) * (inverse * above));
    set(rho1_, l, rho1);
    set(rho2_, l, rho2);
    set(mixes_, l, select(length2 > kOppositeSquared * (reach * reach), one, constant(0)));
  }

  // The parent's profile is p = w1 c1 + w2 c2. x = Φ_1p; what Φ_2p falls short of w1 Σ c1 c2 + w2 is added up from
  // 1 − ρ_2^k = (1 − ρ_2)(1 + … + ρ_2^{k−1}): next to a strong neuron the parent changes little, and by just as little
  // that it costs. Σ_k b_k (1 + … + ρ^{k−1}) is Horner's rule on the sums of all b beyond k.
  template <class First, class Second>
  HERM_INLINE void parent_kernels(const First& first, const Second& second, std::size_t l) {
    const Lanes zero = constant(0);
    const Mask swap = swapped(first, second);
    const Lanes rho1 = get(rho1_, l), rho2 = get(rho2_, l), sign = this->sign(l);
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
    const auto weaker = [&](std::size_t f) HERM_INLINED { return select(swap, second[f], first[f]); };
    const auto stronger = [&](std::size_t f) HERM_INLINED { return select(swap, first[f], second[f]); };
    const Lanes e1 = weaker(F::kEven), e2 = stronger(F::kEven), o1 = weaker(F::kOdd), o2 = stronger(F::kOdd);
    const Lanes both_even = mirrored<kOddActivation>(0, sign, e1 * e2), both_odd = o1 * o2;
    const Lanes even2 = e2 * e2, odd2 = o2 * o2, away = get(away_, l);
    set(x_, l,
        magnitude(get(m12_, l)) * (x1 + tail(e1 * e1, o1 * o1, rho1)) +
            get(w2_, l) * (x2 + tail(both_even, both_odd, rho1)));
    set(both_, l, both + both_even + both_odd);
    set(short1_, l, short1 * away + (both_even + both_odd - tail(both_even, both_odd, rho2)));
    set(short2_, l, short2 * away + (even2 + odd2 - tail(even2, odd2, rho2)));
  }

  HERM_INLINE Lanes cost(std::size_t l) const {
    const Lanes zero = constant(0), one = constant(1);
    const Lanes s = get(s_, l), sh = get(sh_, l), a = get(a_, l), absorb = one - a * a;
    const Lanes w1 = magnitude(get(m12_, l)), w2 = get(w2_, l), x = get(x_, l);
    const Lanes both = get(both_, l), short1 = get(short1_, l), short2 = get(short2_, l);
    const Lanes cross = both - short1;                            // Φ between child 1's profile at ρ_2 and child 2's
    const Lanes y = w2 * (one - short2) + w1 * cross;             // Φ_2p
    const Lanes z = w1 * w1 + w2 * w2 + 2.0f * (w1 * w2 * both);  // Φ_pp
    // z − y²
    const Lanes left = 2.0f * (w1 * w2 * (short1 + cross * short2)) + w1 * w1 * (one - cross * cross) +
                       w2 * w2 * short2 * (constant(2) - short2);

    const Lanes per = one / z;
    Lanes mixed = (one - x * x * per) + 2.0f * (sh * (a - sign(l) * x * y * per)) + s * s * left * per;
    // Not mixed: NaN where nothing can be, and inputs that nearly cancel.
    mixed = select(get(mixes_, l) > zero, mixed - kRounding * s, absorb);
    mixed = min_of(mixed, absorb);
    const Lanes r = max_of(mixed, get(sigma2_, l)) - constant(kRounding);
    // Never between nothing and what the schedule calls free; and 0 where it is NaN.
    return select(r > constant(1e-8f), min_of(r, one), zero);
  }

  // Where the parent of an odd activation points, seen from neuron 1.
  HERM_INLINE Lanes sign(std::size_t l) const {
    const Lanes one = constant(1);
    if constexpr (kOddActivation) return select(get(m12_, l) < constant(0), -one, one);
    return one;
  }

  std::array<const float*, F::kFields> rows_;
  std::array<float, F::kFields> fixed_;
  Row a_, s_, sh_, m12_, w2_, sum_, away_, sigma2_, rho1_, rho2_, mixes_, x_, both_, short1_, short2_;
};

template <bool kOddActivation, bool kFixedFirst>
void sweep_lanes(const PairSweep& sweep, std::size_t begin, std::size_t end, float* r) {
  Stretch<kOddActivation, kFixedFirst> stretch(sweep);
  for (std::size_t j = begin; j < end; j += stretch.kPairs) {
    stretch.estimate(sweep.input + (j - begin), sweep.output + (j - begin), j, std::min(end, j + stretch.kPairs),
                     r + (j - begin));
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
