// The loop of pair_sweep.cc. No include guard: it is compiled once for every kind of CPU, in a namespace of its own
// (HERM_SIMD, vectors of HERM_SIMD_WIDTH floats), because the compiler splits vectors into what the function that they
// are written in may use.
namespace herm::HERM_SIMD {

namespace {

template <class T>
HERM_INLINE T min_of(const T& a, const T& b) {
  return a < b ? a : b;
}
// b where a is NaN.
template <class T>
HERM_INLINE T max_of(const T& a, const T& b) {
  return a > b ? a : b;
}
template <class T>
HERM_INLINE T magnitude(const T& a) {
  return a < 0 ? -a : a;
}
template <class T>
HERM_INLINE T clamp_unit(const T& a) {
  const T one = T{} + 1.0f;
  return max_of<T>(min_of<T>(a, one), -one);
}

template <class T>
HERM_INLINE T root(const T& x) {
  T y;
  for (std::size_t l = 0; l < sizeof(T) / sizeof(float); ++l) y[l] = __builtin_sqrtf(x[l]);
  return y;
}

// ρ^13 and the remainders' share: kernel_tail.h in single precision. Correlations whose 13th power is lost in rounding
// count as 0: what is made of their powers would be denormal, and slow.
static_assert(kProfileDegree == 12);
template <class T>
HERM_INLINE T tail(const T& even, const T& odd, const T& correlation) {
  const T rho = magnitude<T>(correlation) > 0.2f ? correlation : T{};
  const T square = rho * rho, fourth = square * square, power = fourth * fourth * fourth * rho, y = power * rho;
  return power * (even * rho + odd) * (0.5f + y * (0.3f + y * y * 0.2f));
}

// One side of the pairs: a neuron for all lanes, or one a lane.
template <class T, bool kFixed>
struct Side {
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

// A coefficient of a mirrored neuron of an odd activation: even ones change sign, seen from where it now points.
template <bool kOddActivation, class T>
HERM_INLINE T mirrored(std::size_t k, const T& sign, const T& c) {
  if constexpr (kOddActivation) return k % 2 == 0 ? T(sign * c) : c;
  return c;
}

// One of two, lane by lane.
template <class T>
struct Swapped {
  T weak, strong;
};

// ρ and h: the correlations of inputs and of outputs.
template <bool kOddActivation, class T, class First, class Second>
HERM_INLINE T estimate(const First& first, const Second& second, const T& rho, const T& h) {
  using F = Profiles::Field;
  const T zero = T{}, one = zero + 1.0f;
  // From here on neuron 1 is the one of less energy, and everything is in units of it.
  const auto swap = second[F::kAmplitude] < first[F::kAmplitude];
  const auto of = [&](std::size_t field) HERM_INLINE_LAMBDA -> Swapped<T> {
    const T a = first[field], b = second[field];
    return {swap ? b : a, swap ? a : b};
  };
  const auto amplitude = of(F::kAmplitude), reaches = of(F::kReach), even = of(F::kEven), odd = of(F::kOdd);
  const T e1 = even.weak, e2 = even.strong, o1 = odd.weak, o2 = odd.strong;
  const T s = max_of<T>(min_of<T>(amplitude.strong / amplitude.weak, zero + kFarthest), one);

  // a = Φ_12, in units where Φ_11 = Φ_22 = 1
  T a = zero;
  for (std::size_t k = kProfileDegree + 1; k-- > 0;) a = a * rho + first[k] * second[k];
  a = clamp_unit<T>(a + tail<T>(e1 * e2, o1 * o2, rho));

  // The pair's generator: dominant eigenvector (w1, w2) of HΦ, and σ_2².
  const T sh = s * h, difference = s * s - one;
  const T m12 = a + sh, m21 = s * (h + s * a);
  const T gap = root<T>(max_of<T>(difference * difference + 4.0f * m12 * m21, zero));
  const T w1 = magnitude<T>(m12), w2 = 0.5f * (difference + gap);
  const T absorb = one - a * a;
  const T energy = one + 2.0f * sh * a + s * s;
  const T sigma2 = 2.0f * s * s * absorb * (one - h * h) / (energy + gap);

  // The parent's correlations with its children.
  T sign = one;
  if constexpr (kOddActivation) sign = m12 < zero ? -one : one;
  const T t1 = w1 * reaches.weak, t2 = w2 * reaches.strong, signed_rho = sign * rho;
  const T length2 = t1 * t1 + t2 * t2 + 2.0f * t1 * t2 * signed_rho, reach = t1 + t2;
  const T shrink = one / root<T>(length2);
  const T rho1 = clamp_unit<T>((t1 + t2 * signed_rho) * shrink), rho2 = clamp_unit<T>((t1 * signed_rho + t2) * shrink);
  const T away = t1 * t1 * (one - rho * rho) * shrink * shrink / (one + rho2);  // 1 − ρ_2

  // The parent's profile is p = w1 c1 + w2 c2. x = Φ_1p; what Φ_2p falls short of w1 Σ c1 c2 + w2 is added up from
  // 1 − ρ_2^k = (1 − ρ_2)(1 + … + ρ_2^{k−1}): next to a strong neuron the parent changes little, and by just as little
  // that it costs.
  T x = zero, both = zero, short1 = zero, short2 = zero, powers = zero;
  for (std::size_t k = 0; k <= kProfileDegree; ++k) {
    const auto c = of(k);
    const T c1 = c.weak, c2 = mirrored<kOddActivation, T>(k, sign, c.strong);
    const T product = c1 * c2;
    both = both + product;
    short1 = short1 + product * powers;
    short2 = short2 + c2 * c2 * powers;
    powers = powers * rho2 + one;
  }
  for (std::size_t k = kProfileDegree + 1; k-- > 0;) {
    const auto c = of(k);
    const T c1 = c.weak, c2 = mirrored<kOddActivation, T>(k, sign, c.strong);
    x = x * rho1 + c1 * (w1 * c1 + w2 * c2);
  }
  const T mirrored_e2 = mirrored<kOddActivation, T>(0, sign, e2);
  x = x + tail<T>(e1 * (w1 * e1 + w2 * mirrored_e2), o1 * (w1 * o1 + w2 * o2), rho1);
  const T both_even = e1 * mirrored_e2, both_odd = o1 * o2, even2 = e2 * e2, odd2 = o2 * o2;
  both = both + both_even + both_odd;
  short1 = short1 * away + (both_even + both_odd - tail<T>(both_even, both_odd, rho2));
  short2 = short2 * away + (even2 + odd2 - tail<T>(even2, odd2, rho2));
  const T cross = both - short1;                          // Φ between child 1's profile at ρ_2 and child 2's
  const T y = w2 * (one - short2) + w1 * cross;           // Φ_2p
  const T z = w1 * w1 + w2 * w2 + 2.0f * w1 * w2 * both;  // Φ_pp
  // z − y²
  const T left =
      2.0f * w1 * w2 * (short1 + cross * short2) + w1 * w1 * (one - cross * cross) + w2 * w2 * short2 * (2.0f - short2);

  const T per = one / z;
  T mixed = (one - x * x * per) + 2.0f * sh * (a - sign * x * y * per) + s * s * left * per;
  // Not mixed: NaN where nothing can be, and inputs that nearly cancel.
  mixed = length2 > kOppositeSquared * reach * reach ? mixed - kRounding * s : absorb;
  mixed = mixed < absorb ? mixed : absorb;
  const T r = max_of<T>(mixed, sigma2) - kRounding;
  return r > 1e-8f ? min_of<T>(r, one) : zero;  // never between nothing and what the schedule calls free
}

using Lanes = typename FloatVectorOf<HERM_SIMD_WIDTH>::type;

template <bool kOddActivation, bool kFixedFirst>
void sweep_lanes(const PairSweep& sweep, std::size_t begin, std::size_t end, float* r) {
  std::array<const float*, Profiles::kFields> rows;
  std::array<float, Profiles::kFields> fixed;
  for (std::size_t f = 0; f < Profiles::kFields; ++f) {
    rows[f] = sweep.profiles->row(f);
    fixed[f] = rows[f][sweep.fixed];
  }
  for (std::size_t j = begin; j < end; j += HERM_SIMD_WIDTH) {
    const Side<Lanes, true> one{rows.data(), fixed.data(), j};
    const Side<Lanes, false> many{rows.data(), fixed.data(), j};
    const Lanes rho = load_lanes<Lanes>(&sweep.input[j - begin]), h = load_lanes<Lanes>(&sweep.output[j - begin]);
    if constexpr (kFixedFirst) {
      store_lanes(estimate<kOddActivation, Lanes>(one, many, rho, h), r + (j - begin));
    } else {
      store_lanes(estimate<kOddActivation, Lanes>(many, one, rho, h), r + (j - begin));
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
