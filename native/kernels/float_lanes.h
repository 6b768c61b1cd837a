// Floats in vector registers, for loops that each_cpu.h compiles. No include guard.
namespace herm::HERM_SIMD {

namespace {

constexpr std::size_t kWidth = HERM_SIMD_BYTES / sizeof(float);
using Register = typename FloatVectorOf<kWidth>::type;

// Two registers that go through the same operations side by side: while one waits for a result the other is worked on.
struct Lanes {
  Register a, b;
};
struct Mask {
  decltype(Register{} < Register{}) a, b;
};
constexpr std::size_t kLaneCount = 2 * kWidth;
static_assert(kLaneCount <= kSweepPadding);

HERM_INLINE Lanes constant(float x) { return {x - Register{}, x - Register{}}; }
HERM_INLINE Lanes load(const float* from) { return {load_lanes<Register>(from), load_lanes<Register>(from + kWidth)}; }
HERM_INLINE void store(const Lanes& x, float* to) {
  store_lanes(x.a, to);
  store_lanes(x.b, to + kWidth);
}

HERM_INLINE Lanes operator-(const Lanes& x) { return {-x.a, -x.b}; }
HERM_INLINE Lanes operator+(const Lanes& x, const Lanes& y) { return {x.a + y.a, x.b + y.b}; }
HERM_INLINE Lanes operator-(const Lanes& x, const Lanes& y) { return {x.a - y.a, x.b - y.b}; }
HERM_INLINE Lanes operator*(const Lanes& x, const Lanes& y) { return {x.a * y.a, x.b * y.b}; }
HERM_INLINE Lanes operator*(float x, const Lanes& y) { return {x * y.a, x * y.b}; }
HERM_INLINE Lanes operator/(const Lanes& x, const Lanes& y) { return {x.a / y.a, x.b / y.b}; }
HERM_INLINE Mask operator<(const Lanes& x, const Lanes& y) { return {x.a < y.a, x.b < y.b}; }
HERM_INLINE Mask operator>(const Lanes& x, const Lanes& y) { return {x.a > y.a, x.b > y.b}; }

HERM_INLINE Lanes select(const Mask& mask, const Lanes& x, const Lanes& y) {
  return {mask.a ? x.a : y.a, mask.b ? x.b : y.b};
}
// y where x is NaN.
HERM_INLINE Lanes min_of(const Lanes& x, const Lanes& y) { return select(x < y, x, y); }
HERM_INLINE Lanes max_of(const Lanes& x, const Lanes& y) { return select(x > y, x, y); }
HERM_INLINE Lanes magnitude(const Lanes& x) { return max_of(x, -x); }
HERM_INLINE Lanes clamp_unit(const Lanes& x) { return max_of(min_of(x, constant(1)), constant(-1)); }
HERM_INLINE Lanes root(const Lanes& x) {
  Lanes y;
  for (std::size_t l = 0; l < kWidth; ++l) y.a[l] = __builtin_sqrtf(x.a[l]);
  for (std::size_t l = 0; l < kWidth; ++l) y.b[l] = __builtin_sqrtf(x.b[l]);
  return y;
}

// A table of one number a neuron in every row, seen as one neuron for all lanes or as one a lane.
template <bool kFixed>
struct Side {
  const float* const* rows;
  const float* fixed;
  std::size_t at;

  HERM_INLINE Lanes operator[](std::size_t field) const {
    if constexpr (kFixed) {
      return constant(fixed[field]);
    } else {
      return load(rows[field] + at);
    }
  }
};

}  // namespace

}  // namespace herm::HERM_SIMD
