#include "kernels/sca_pair.h"

#include <cmath>
#include <limits>
#include <utility>

#include "kernels/unit_row.h"

namespace herm {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// 1 − ρ² below which a Gram matrix has lost too many digits of what its vectors say.
constexpr double kParallel = 1e-4;
// Squared lengths within these bounds neither overflow nor underflow in the closed form.
constexpr double kSmall = 1e-250, kLarge = 1e250;

using Vector = std::vector<double>;

// Gram matrix of entries [begin, end) of two vectors.
Sym2 gram_of(const Vector& x, const Vector& y, std::size_t begin, std::size_t end) {
  Sym2 g;
  for (std::size_t i = begin; i < end; ++i) {
    g.a11 += x[i] * x[i];
    g.a12 += x[i] * y[i];
    g.a22 += y[i] * y[i];
  }
  return g;
}

// y −= ⟨x, y⟩ x for a unit x, twice for the sake of orthogonality. Returns ‖y‖.
double orthogonalise(const Vector& x, Vector& y) {
  for (int pass = 0; pass < 2; ++pass) {
    const double dot = gram_of(x, y, 0, x.size()).a12;
    for (std::size_t i = 0; i < x.size(); ++i) y[i] -= dot * x[i];
  }
  return std::sqrt(gram_of(x, y, 0, x.size()).a22);
}

void divide(Vector& x, double by) {
  for (double& value : x) value /= by;
}

// Rotates an orthonormal pair until its input parts, and with them its output parts, are orthogonal: Jacobi's one-sided
// method on the part that is the shorter one, whose rounding errors are the smaller ones.
void rotate(Vector& x, Vector& y, std::size_t inputs) {
  for (int sweep = 0; sweep < 8; ++sweep) {
    const Sym2 in = gram_of(x, y, 0, inputs), out = gram_of(x, y, inputs, x.size());
    const bool use_input = in.a11 + in.a22 <= out.a11 + out.a22;
    const Sym2& part = use_input ? in : out;
    // The first is to have the longer input part, and so the shorter output part.
    const double sign = use_input ? 1 : -1;
    if (std::fabs(part.a12) <= kEpsilon * std::sqrt(part.a11) * std::sqrt(part.a22)) {
      if (sign * part.a11 < sign * part.a22) std::swap(x, y);
      break;
    }
    const double angle = std::atan2(2 * sign * part.a12, sign * (part.a11 - part.a22)) / 2;
    const double c = std::cos(angle), s = std::sin(angle);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double xi = x[i], yi = y[i];
      x[i] = c * xi + s * yi;
      y[i] = c * yi - s * xi;
    }
  }
}

double determinant(const Sym2& g) { return g.a11 > 0 && g.a22 > 0 ? g.gram_determinant() : 0; }
bool parallel(const Sym2& g) { return g.a11 > 0 && g.a22 > 0 && determinant(g) < kParallel * g.a11 * g.a22; }
bool in_range(double square) { return square > kSmall && square < kLarge; }

// T^-½ G T^-½ for T = [1 r; r 1] and G <= T, with eigenvalues λ_1 >= λ_2.
struct Whitened {
  double trace = 0;        // λ_1 + λ_2
  double determinant = 0;  // λ_1 λ_2
  double difference = 0, twice_cross = 0;

  double gap() const { return std::sqrt(difference * difference + twice_cross * twice_cross); }  // λ_1 − λ_2
};

Whitened whiten(const Sym2& g, double r) {
  const double sum = (g.a11 + g.a22 + 2 * g.a12) / (2 * (1 + r));
  const double other = (g.a11 + g.a22 - 2 * g.a12) / (2 * (1 - r));
  const double det_t = (1 - r) * (1 + r);
  return {sum + other, determinant(g) / det_t, sum - other, (g.a11 - g.a22) / std::sqrt(det_t)};
}

}  // namespace

bool shares_from_gram(const Sym2& input, const Sym2& output, PairShares& result) {
  const double t1 = input.a11 + output.a11, t2 = input.a22 + output.a22;
  if (!in_range(t1) || !in_range(t2)) return false;
  const double cross = std::sqrt(t1) * std::sqrt(t2);
  const Sym2 in{input.a11 / t1, input.a12 / cross, input.a22 / t2};
  const Sym2 out{output.a11 / t1, output.a12 / cross, output.a22 / t2};
  const double r = in.a12 + out.a12;
  if ((1 - r) * (1 + r) < kParallel || parallel(in) || parallel(out)) return false;

  // Both parts have the same gap, and the shorter one has it with the smaller error. The smaller eigenvalues come from
  // the determinants, without cancellation.
  const Whitened e = whiten(in, r), f = whiten(out, r);
  const double gap = e.trace <= f.trace ? e.gap() : f.gap();
  const double in1 = (e.trace + gap) / 2, out2 = (f.trace + gap) / 2;
  const double in2 = in1 > 0 ? e.determinant / in1 : 0, out1 = out2 > 0 ? f.determinant / out2 : 0;
  result.shares = {in1 / (in1 + out1), in2 / (in2 + out2)};
  result.angles = {std::atan2(std::sqrt(out1), std::sqrt(in1)), std::atan2(std::sqrt(out2), std::sqrt(in2))};
  return true;
}

PairSca sca_of_pair(const double* first, const double* second, std::size_t dim, std::size_t inputs) {
  PairSca result;
  result.components = {{kNaN, kNaN}, {kNaN, kNaN}};
  Vector x(dim), y(dim);
  bool has_first = unit_row(first, dim, x.data()).mantissa > 0;
  bool has_second = unit_row(second, dim, y.data()).mantissa > 0;
  if (!has_first) {
    std::swap(x, y);
    std::swap(has_first, has_second);
  }
  if (!has_first) return result;
  result.rank = 1;
  const double rest = has_second ? orthogonalise(x, y) : 0;
  if (rest > static_cast<double>(std::max<std::size_t>(2, dim)) * kEpsilon) {
    result.rank = 2;
    divide(y, rest);
    divide(y, orthogonalise(x, y));
    rotate(x, y, inputs);
  }
  result.basis = {std::move(x), std::move(y)};
  for (std::size_t k = 0; k < result.rank; ++k) {
    const Vector& b = result.basis[k];
    const double in = gram_of(b, b, 0, inputs).a11, out = gram_of(b, b, inputs, dim).a11;
    result.components.shares[k] = in / (in + out);
    result.components.angles[k] = std::atan2(std::sqrt(out), std::sqrt(in));
  }
  return result;
}

}  // namespace herm
