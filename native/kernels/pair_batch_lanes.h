// The loops of pair_batch.cc, which each_cpu.h compiles. No include guard.
namespace herm::HERM_SIMD {

namespace {

constexpr std::size_t kWidth = HERM_SIMD_BYTES / sizeof(double);

using Lanes = typename VectorOf<kWidth>::type;

HERM_INLINE Lanes root(const Lanes& x) {
  Lanes y;
  for (std::size_t l = 0; l < kWidth; ++l) y[l] = __builtin_sqrt(x[l]);
  return y;
}

// Zero where x is negative.
HERM_INLINE Lanes positive(const Lanes& x) { return x < 0 ? Lanes{} : x; }

// arctan √(squared_sine / squared_cosine), with all digits where it is small.
HERM_INLINE Lanes angle(const Lanes& squared_sine, const Lanes& squared_cosine) {
  const Lanes sine = root(squared_sine), cosine = root(squared_cosine);
  const auto beyond = sine > cosine;  // beyond π/4: mirrored there
  const Lanes small = beyond ? cosine : sine, large = beyond ? sine : cosine;
  const auto turned = small > kTanPi8 * large;  // by −π/4
  const Lanes x = (turned ? small - large : small) / (turned ? small + large : large), z = x * x;
  Lanes series = Lanes{} + kArctan.back();
  for (std::size_t k = kArctan.size() - 1; k-- > 0;) series = series * z + kArctan[k];
  const Lanes arc = x + x * (z * series), small_angle = turned ? kPi4 + arc : arc;
  return beyond ? kPi2 - small_angle : small_angle;
}

// One side of a pair: its Gram matrix G <= T = [1 r; r 1].
struct Part {
  Lanes g11, g12, g22;
  Lanes determinant, bound;  // det G; parallel where it is less than `bound`

  HERM_INLINE Part(const double* a11, const double* a12, const double* a22)
      : g11(load_lanes<Lanes>(a11)), g12(load_lanes<Lanes>(a12)), g22(load_lanes<Lanes>(a22)) {
    const Lanes squares = g11 * g22;
    determinant = positive(squares - g12 * g12);
    bound = kParallel * squares;
  }
};

// Of T^-½ G T^-½ with eigenvalues λ_1 >= λ_2: λ_1 + λ_2, λ_1 λ_2 and (λ_1 − λ_2)².
struct Whitened {
  Lanes trace, determinant, squared_gap;

  // per_sum = 1/(2(1 + r)), per_difference = 1/(2(1 − r)), per_determinant = 1/(1 − r²)
  HERM_INLINE Whitened(const Part& part, const Lanes& per_sum, const Lanes& per_difference,
                       const Lanes& per_determinant) {
    const Lanes lengths = part.g11 + part.g22, cross = 2.0 * part.g12;
    const Lanes sum = (lengths + cross) * per_sum, other = (lengths - cross) * per_difference;
    const Lanes difference = sum - other, skew = part.g11 - part.g22;
    trace = sum + other;
    determinant = part.determinant * per_determinant;
    squared_gap = difference * difference + skew * skew * per_determinant;
  }
};

}  // namespace

void batch_shares(const PairBatch& pairs, BatchShares& result) {
  const Lanes zero = Lanes{}, one = zero + 1.0;
  for (std::size_t k = 0; k < pairs.size; k += kWidth) {
    const Part input(&pairs.in11[k], &pairs.in12[k], &pairs.in22[k]);
    const Part output(&pairs.out11[k], &pairs.out12[k], &pairs.out22[k]);
    const Lanes r = input.g12 + output.g12, total = (one - r) * (one + r), per_total = one / total;
    const auto safe = (total >= kParallel) & (input.determinant >= input.bound) & (output.determinant >= output.bound);

    // Both parts have the same gap, and the shorter one has it with the smaller error. The smaller eigenvalues come
    // from the determinants, without cancellation.
    const Lanes per_sum = 0.5 * (one - r) * per_total, per_difference = 0.5 * (one + r) * per_total;
    const Whitened e(input, per_sum, per_difference, per_total), f(output, per_sum, per_difference, per_total);
    const Lanes gap = root(e.trace <= f.trace ? e.squared_gap : f.squared_gap);
    const Lanes in1 = 0.5 * (e.trace + gap), out2 = 0.5 * (f.trace + gap);
    const Lanes in2 = in1 > 0 ? e.determinant / in1 : zero, out1 = out2 > 0 ? f.determinant / out2 : zero;
    const Lanes nan = zero + std::numeric_limits<double>::quiet_NaN();
    store_lanes(Lanes(safe ? in1 / (in1 + out1) : nan), &result.shares[0][k]);
    store_lanes(Lanes(safe ? in2 / (in2 + out2) : nan), &result.shares[1][k]);
    store_lanes(Lanes(safe ? angle(out1, in1) : nan), &result.angles[0][k]);
    store_lanes(Lanes(safe ? angle(out2, in2) : nan), &result.angles[1][k]);
  }
}

void batch_gates(const PairBatch& pairs, std::array<PairBatch::Row, 2>& gates) {
  // Far from parallel, from cancelling each other, from equal gates, and from the ends of double precision.
  constexpr double kShare = 1e-4, kSmall = 1e-60, kLarge = 1e60;
  for (std::size_t k = 0; k < pairs.size; k += kWidth) {
    const Lanes p11 = load_lanes<Lanes>(&pairs.in11[k]), h11 = load_lanes<Lanes>(&pairs.out11[k]);
    const Lanes p12 = load_lanes<Lanes>(&pairs.in12[k]), h12 = load_lanes<Lanes>(&pairs.out12[k]);
    const Lanes p22 = load_lanes<Lanes>(&pairs.in22[k]), h22 = load_lanes<Lanes>(&pairs.out22[k]);
    const Lanes p_squares = p11 * p22, h_squares = h11 * h22;
    const Lanes det_p = p_squares - p12 * p12, det_h = h_squares - h12 * h12, det = det_p * det_h;
    const Lanes own = p11 * h11 + p22 * h22, energy = own + 2.0 * p12 * h12, square = energy * energy;
    const Lanes discriminant = square - 4.0 * det;
    const auto safe = (det_p > kShare * p_squares) & (det_h > kShare * h_squares) & (energy > kShare * own) &
                      (discriminant > kShare * square) & (det > kSmall) & (energy > kSmall) & (energy < kLarge);
    const Lanes sigma = root(0.5 * (energy + root(discriminant)));
    const Lanes nan = Lanes{} + std::numeric_limits<double>::quiet_NaN();
    store_lanes(Lanes(safe ? sigma : nan), &gates[0][k]);
    store_lanes(Lanes(safe ? root(det) / sigma : nan), &gates[1][k]);
  }
}

}  // namespace herm::HERM_SIMD
