#include <cmath>
#include <limits>

#include "kernels/gid.h"
#include "kernels/unit_row.h"

namespace herm {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// The exponent e with x ∈ [2^e, 2^(e+1)).
int exponent_of(double x) { return std::ilogb(x); }

// a·b − c·d to an ulp or two (Kahan), where plain evaluation can lose every digit.
double difference_of_products(double a, double b, double c, double d) {
  const double cd = c * d;
  const double error = std::fma(-c, d, cd);
  return std::fma(a, b, -cd) + error;
}

struct Matrix2 {
  double a11, a12, a21, a22;
};

// K = U diag(σ_1, ±σ_2) Wᵀ of a 2×2 matrix by the angles of its two rotations; `u` and `w` are the dominant vectors.
struct Dominant {
  std::array<double, 2> u, w;
};

double largest_singular_value(const Matrix2& k) {
  return (std::hypot(k.a11 + k.a22, k.a21 - k.a12) + std::hypot(k.a11 - k.a22, k.a21 + k.a12)) / 2;
}

Dominant dominant(const Matrix2& k) {
  const double plus = std::atan2(k.a21 - k.a12, k.a11 + k.a22), minus = std::atan2(k.a21 + k.a12, k.a11 - k.a22);
  const double left = (minus + plus) / 2, right = (minus - plus) / 2;
  return {{std::cos(left), std::sin(left)}, {std::cos(right), std::sin(right)}};
}

// The pair with every neuron rescaled, φ_k → 2^e_k φ_k and v_k → 2^−e_k v_k, so that both have the same length: it
// computes the same, and nothing overflows that its result does not. A neuron with a zero side computes nothing: both
// become zero.
struct Balanced {
  Factor2 phi, h;
  std::array<int, 2> exponents{};
};

Balanced balance(const Factor2& phi, const Factor2& h) {
  Balanced pair;
  if (phi.a > 0 && h.a > 0) {
    const int e = (exponent_of(h.a) - exponent_of(phi.a)) / 2;
    pair.exponents[0] = e;
    pair.phi.a = std::ldexp(phi.a, e);
    pair.h.a = std::ldexp(h.a, -e);
  }
  const double phi_norm = std::hypot(phi.b, phi.c), h_norm = std::hypot(h.b, h.c);
  if (phi_norm > 0 && h_norm > 0) {
    const int e = (exponent_of(h_norm) - exponent_of(phi_norm)) / 2;
    pair.exponents[1] = e;
    pair.phi.b = std::ldexp(phi.b, e);
    pair.phi.c = std::ldexp(phi.c, e);
    pair.h.b = std::ldexp(h.b, -e);
    pair.h.c = std::ldexp(h.c, -e);
  }
  return pair;
}

bool full_rank(const Factor2& r) { return r.a > 0 && r.c > 0; }

// What rounding leaves of neurons that cancel out.
double noise(const Balanced& pair) {
  const double sizes = pair.phi.a * pair.h.a + std::hypot(pair.phi.b, pair.phi.c) * std::hypot(pair.h.b, pair.h.c);
  return 16 * kEpsilon * sizes;
}

// K = R L for H = RᵀR and Φ = L Lᵀ: T in orthonormal coordinates of both sides.
Matrix2 core(const Balanced& pair) {
  const Factor2 &r = pair.h, &l = pair.phi;
  return {r.a * l.a + r.b * l.b, r.b * l.c, r.c * l.b, r.c * l.c};
}

// det K = det R · det L, so σ_2 = det K / σ_1 keeps all digits, however small it is.
double second_gate(const Balanced& pair, double sigma1) {
  return std::min(sigma1, (pair.h.a * pair.phi.a / sigma1) * (pair.h.c * pair.phi.c));
}

void unbalance(GidPair& result, const Balanced& pair) {
  for (std::size_t l = 0; l < result.rank; ++l) {
    auto &m = result.input_mixing[l], &n = result.output_mixing[l];
    const double sign = (m[1] * n[1] > m[0] * n[0] ? m[1] : m[0]) < 0 ? -1 : 1;
    for (std::size_t k = 0; k < 2; ++k) {
      m[k] = sign * std::ldexp(m[k], pair.exponents[k]);
      n[k] = sign * std::ldexp(n[k], -pair.exponents[k]);
    }
  }
}

}  // namespace

Factor2 factor_gram(const Sym2& gram) {
  if (!(gram.a11 > 0)) return {0, 0, std::sqrt(std::max(0.0, gram.a22))};
  if (!(gram.a22 > 0)) return {std::sqrt(gram.a11), 0, 0};
  // Scaled by powers of four on the diagonal, so that products neither overflow nor underflow.
  const int e1 = exponent_of(gram.a11) / 2, e2 = exponent_of(gram.a22) / 2;
  const double g11 = std::ldexp(gram.a11, -2 * e1), g22 = std::ldexp(gram.a22, -2 * e2);
  const double g12 = std::ldexp(std::ldexp(gram.a12, -e1), -e2);
  const double det = difference_of_products(g11, g22, g12, g12);
  const double a = std::sqrt(g11);
  if (det <= 16 * kEpsilon * g11 * g22)
    return {std::ldexp(a, e1), std::ldexp(std::copysign(std::sqrt(g22), g12), e2), 0};
  return {std::ldexp(a, e1), std::ldexp(g12 / a, e2), std::ldexp(std::sqrt(det / g11), e2)};
}

Factor2 factor_vectors(const double* first, const double* second, std::size_t dim) {
  std::vector<double> x(dim), y(dim);
  const RowNorm nx = unit_row(first, dim, x.data()), ny = unit_row(second, dim, y.data());
  if (nx.mantissa == 0) return {0, 0, ny.times(1)};
  double cosine = 0;
  for (int pass = 0; pass < 2; ++pass) {
    double dot = 0;
    for (std::size_t i = 0; i < dim; ++i) dot += x[i] * y[i];
    for (std::size_t i = 0; i < dim; ++i) y[i] -= dot * x[i];
    cosine += dot;
  }
  double sum = 0;
  for (const double value : y) sum += value * value;
  const double sine = std::sqrt(sum);
  if (ny.mantissa > 0 && sine <= static_cast<double>(std::max<std::size_t>(2, dim)) * kEpsilon) {
    return {nx.times(1), ny.times(std::copysign(1.0, cosine)), 0};
  }
  return {nx.times(1), ny.times(cosine), ny.times(sine)};
}

std::array<double, 2> gid_gates(const Factor2& phi, const Factor2& h) {
  const Balanced pair = balance(phi, h);
  const double sigma = largest_singular_value(core(pair));
  if (!(sigma > noise(pair))) return {0, 0};
  return {sigma, second_gate(pair, sigma)};
}

GidPair gid_pair(const Factor2& phi, const Factor2& h) {
  const Balanced pair = balance(phi, h);
  const Matrix2 k = core(pair);
  const double sigma = largest_singular_value(k);
  GidPair result;
  if (!(sigma > noise(pair))) return result;

  // m = σ^-½ Rᵀ y and n = σ^-½ L x: the dominant rows of the two mixings.
  const double root = std::sqrt(sigma);
  const auto [y, x] = dominant(k);
  const std::array m{pair.h.a * y[0] / root, (pair.h.b * y[0] + pair.h.c * y[1]) / root};
  const std::array n{pair.phi.a * x[0] / root, (pair.phi.b * x[0] + pair.phi.c * x[1]) / root};
  result.rank = 1;
  result.gates = {sigma, second_gate(pair, sigma)};
  result.input_mixing[0] = m;
  result.output_mixing[0] = n;
  if (full_rank(pair.phi) && full_rank(pair.h)) {
    // The second rows follow by duality, with all digits however small σ_2 is: M row 2 ⟂ n, M⁻ᵀ row 2 ⟂ m, and their
    // lengths from det M = √(det R / det L).
    const double det = std::sqrt((pair.h.a / pair.phi.a) * (pair.h.c / pair.phi.c));
    result.rank = 2;
    result.input_mixing[1] = {-det * n[1], det * n[0]};
    result.output_mixing[1] = {-m[1] / det, m[0] / det};
  }
  unbalance(result, pair);
  return result;
}

}  // namespace herm
