#include "kernels/cost_estimate.h"

#include <algorithm>

#include "kernels/kernel_tail.h"

namespace herm {

namespace {

// E[φ(s_k) φ(s_p)]
double kernel(const ShortSeries& a, const ShortSeries& b, double rho) {
  rho = std::clamp(rho, -1.0, 1.0);
  double sum = 0;
  for (std::size_t k = kEstimateDegree + 1; k-- > 0;) sum = sum * rho + a.c[k] * b.c[k];
  const double power = odd_power(rho, kEstimateDegree + 1);
  return sum + kernel_tail(a.even_tail * b.even_tail, a.odd_tail * b.odd_tail, rho, power);
}

}  // namespace

double CostEstimate::operator()(const PairView& pair, const ShortSeries& first, const ShortSeries& second) const {
  double best = upper(pair.phi, pair.output);
  Mixture mixture;
  if (!mix(table_.activation(), pair, mixture)) return best;
  const auto& means = mixture.means;
  for (std::size_t c = 0; c < means.size(); ++c) {
    // Without a bias the mean is what the prior's mean makes of the inputs.
    const double mean = has_bias_ ? means[c] : pair.shift(mixture.alpha);
    if (c > 0 && (!has_bias_ || means[c] == means[0] || (c > 1 && means[c] == means[1]))) continue;
    const ShortSeries parent = table_.expand(mixture.dev, mean);
    const double energy = parent.second();
    if (!(energy > 0)) continue;
    const double a1 = kernel(first, parent, mixture.rho[0]), a2 = kernel(second, parent, mixture.rho[1]);
    const Sym2 left{pair.phi.a11 - a1 * a1 / energy, pair.phi.a12 - a1 * a2 / energy, pair.phi.a22 - a2 * a2 / energy};
    const double cost = pair_energy(left, pair.output);
    if (cost < best) best = cost;
  }
  return std::max(best, lower(pair.phi, pair.output));
}

}  // namespace herm
