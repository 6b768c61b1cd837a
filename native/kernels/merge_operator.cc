#include "kernels/merge_operator.h"

#include <cmath>

#include "kernels/bias_grid.h"
#include "kernels/projection.h"

namespace herm {

double BiasFormat::round(double bias) const {
  if (!present) return 0;
  if (!std::isfinite(bias)) return bias;
  return with_dtype(dtype, [=, this]<DType D>() {
    return FloatGrid<D>::to_double(FloatGrid<D>::round(bias, parent_bias_grid(dtype)));
  });
}

MergeOperator::MergeOperator(const Activation& activation, const BiasFormat& bias)
    : expander_(activation, kSearchDegree), bias_(bias) {}

Parent MergeOperator::absorb_into(const PairView& pair, int kept) const {
  const auto k = static_cast<std::size_t>(kept);
  const Projection projection = project_on_child(pair.phi, pair.output, k);
  Parent parent;
  parent.cost = projection.cost;
  parent.alpha = kept == 0 ? std::array{1.0, 0.0} : std::array{0.0, 1.0};
  parent.beta = projection.beta;
  parent.bias = pair.mean[k];
  return parent;
}

// The parent with these inputs and the output that projects the pair's function onto it.
Parent MergeOperator::project(const PairView& pair, const Mixture& mixture, double bias, const HermiteSeries& first,
                              const HermiteSeries& second) const {
  thread_local HermiteSeries series;
  expander_.expand(mixture.dev, bias, series);
  const std::array<double, 2> cross{kernel(first, series, mixture.rho[0]), kernel(second, series, mixture.rho[1])};
  const Projection projection = project_on(pair.phi, pair.output, cross, series.second);
  Parent parent;
  parent.cost = projection.cost;
  parent.alpha = mixture.alpha;
  parent.beta = projection.beta;
  parent.bias = bias;
  return parent;
}

Parent MergeOperator::best(const PairView& pair, const HermiteSeries& first, const HermiteSeries& second) const {
  Parent best = absorb_into(pair, 0);
  const Parent other = absorb_into(pair, 1);
  if (other.cost < best.cost) best = other;
  Mixture mixture;
  if (!mix(expander_.activation(), pair, mixture)) return best;
  const auto& means = mixture.means;
  double to_beat = best.cost - kMergeNoise * pair_energy(pair.phi, pair.output);
  for (std::size_t c = 0; c < means.size(); ++c) {
    const double bias = bias_.round(means[c]);
    const bool tried = (c > 0 && means[c] == means[0]) || (c > 1 && means[c] == means[1]);
    if (tried || !std::isfinite(bias)) continue;
    const Parent parent = project(pair, mixture, bias, first, second);
    if (parent.cost < to_beat) {
      best = parent;
      to_beat = parent.cost;
    }
  }
  return best;
}

}  // namespace herm
