#include "kernels/sca_pair.h"

#include <cmath>
#include <limits>
#include <utility>

#include "kernels/pair.h"
#include "kernels/unit_row.h"

namespace herm {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

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

}  // namespace

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
