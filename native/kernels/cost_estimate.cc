#include "kernels/cost_estimate.h"

#include <algorithm>

#include "kernels/blas.h"
#include "kernels/error.h"
#include "kernels/kernel_tail.h"

namespace herm {

namespace {

// Gauss-Hermite with 48 nodes serves smooth activations up to this deviation; beyond it they bend too sharply.
constexpr std::size_t kNodes = 48;
constexpr double kSmoothDeviation = 4;
constexpr std::size_t kTerms = kEstimateDegree + 1;

// c_0 … c_12 have closed forms; anything else is integrated.
bool piecewise_polynomial(ActivationKind kind) {
  return kind == ActivationKind::Identity || kind == ActivationKind::Relu || kind == ActivationKind::LeakyRelu ||
         kind == ActivationKind::Relu2;
}

double square(double x) { return x * x; }

// E[φ(s_k) φ(s_p)]
double kernel(const ShortSeries& a, const ShortSeries& b, double rho) {
  rho = std::clamp(rho, -1.0, 1.0);
  double sum = 0;
  for (std::size_t k = kTerms; k-- > 0;) sum = sum * rho + a.c[k] * b.c[k];
  return sum + kernel_tail(a.even_tail * b.even_tail, a.odd_tail * b.odd_tail, rho, odd_power(rho, kTerms));
}

}  // namespace

ShortSeries shorten(const HermiteSeries& series) {
  ShortSeries out;
  std::copy_n(series.c.begin(), kTerms, out.c.begin());
  double even = square(series.even_tail), odd = square(series.odd_tail);
  for (std::size_t k = kTerms; k < series.c.size(); ++k) (k % 2 ? odd : even) += square(series.c[k]);
  const double even_sign = series.activation.odd() && series.mean < 0 ? -1 : 1;
  out.even_tail = even_sign * std::sqrt(even);
  out.odd_tail = std::sqrt(odd);
  return out;
}

CostEstimate::CostEstimate(const Activation& activation, bool has_bias)
    : expander_(activation, kEstimateDegree), has_bias_(has_bias) {
  if (piecewise_polynomial(activation.kind)) return;
  // Golub-Welsch: the nodes are the eigenvalues of the Jacobi matrix, the weights its eigenvectors' first entries, squared.
  std::vector<double> below(kNodes), vectors(kNodes * kNodes);
  nodes_.resize(kNodes);
  for (std::size_t k = 0; k + 1 < kNodes; ++k) below[k] = std::sqrt(static_cast<double>(k + 1));
  const auto order = static_cast<lapack_int>(kNodes);
  if (LAPACKE_dstev(LAPACK_ROW_MAJOR, 'V', order, nodes_.data(), below.data(), vectors.data(), order) != 0) {
    throw KernelError("NATIVE", "the eigenvalues of a Jacobi matrix did not converge");
  }
  basis_.resize(kNodes * kTerms);
  for (std::size_t q = 0; q < kNodes; ++q) {
    const double t = nodes_[q], weight = square(vectors[q]);
    double before = 0, h = 1;
    for (std::size_t k = 0; k < kTerms; ++k) {
      basis_[q * kTerms + k] = weight * h;
      const double next = (t * h - std::sqrt(static_cast<double>(k)) * before) / std::sqrt(static_cast<double>(k + 1));
      before = h;
      h = next;
    }
  }
}

double CostEstimate::expand(double n, double mu, ShortSeries& out) const {
  if (nodes_.empty() || n > kSmoothDeviation) {
    const auto moments = expander_.expand(n, mu, out.c.data());
    out.even_tail = moments.even_tail;
    out.odd_tail = moments.odd_tail;
    return moments.second;
  }
  std::array<double, kNodes> values;
  for (std::size_t q = 0; q < kNodes; ++q) values[q] = expander_.activation()(n * nodes_[q] + mu);
  out.c.fill(0);
  double second = 0, mirrored = 0;
  for (std::size_t q = 0; q < kNodes; ++q) {
    const double* row = &basis_[q * kTerms];
    for (std::size_t k = 0; k < kTerms; ++k) out.c[k] += row[k] * values[q];
    second += row[0] * values[q] * values[q];
    mirrored += row[0] * values[q] * values[kNodes - 1 - q];
  }
  double even = 0.5 * (second + mirrored), odd = 0.5 * (second - mirrored);
  for (std::size_t k = 0; k < kTerms; ++k) (k % 2 ? odd : even) -= square(out.c[k]);
  const double even_sign = expander_.activation().odd() && mu < 0 ? -1 : 1;
  out.even_tail = even_sign * std::sqrt(std::max(0.0, even));
  out.odd_tail = std::sqrt(std::max(0.0, odd));
  return second;
}

double CostEstimate::upper(const Sym2& phi, const Sym2& output) {
  const double cross = phi.a12 * phi.a12;
  const double second_into_first = output.a22 * (phi.a11 > 0 ? std::max(0.0, phi.a22 - cross / phi.a11) : phi.a22);
  const double first_into_second = output.a11 * (phi.a22 > 0 ? std::max(0.0, phi.a11 - cross / phi.a22) : phi.a11);
  return std::min(second_into_first, first_into_second);
}

double CostEstimate::operator()(const PairView& pair, const ShortSeries& first, const ShortSeries& second) const {
  double best = upper(pair.phi, pair.output);
  Mixture mixture;
  if (!mix(expander_.activation(), pair, mixture)) return best;
  for (std::size_t c = 0; c < mixture.means.size(); ++c) {
    const double mean = has_bias_ ? mixture.means[c] : 0;
    if (c > 0 && (!has_bias_ || mean == mixture.means[0] || (c > 1 && mean == mixture.means[1]))) continue;
    ShortSeries parent;
    const double energy = expand(mixture.dev, mean, parent);
    if (!(energy > 0)) continue;
    const double a1 = kernel(first, parent, mixture.rho[0]), a2 = kernel(second, parent, mixture.rho[1]);
    const Sym2 left{pair.phi.a11 - a1 * a1 / energy, pair.phi.a12 - a1 * a2 / energy, pair.phi.a22 - a2 * a2 / energy};
    const double cost = pair_energy(left, pair.output);
    if (cost < best) best = cost;
  }
  return std::max(best, lower(pair.phi, pair.output));
}

}  // namespace herm
