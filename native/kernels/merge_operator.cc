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

std::array<double, 3> BiasFormat::round_all(const std::array<double, 3>& means, double shift) const {
  return {round(means[0] - shift), round(means[1] - shift), round(means[2] - shift)};
}

MergeOperator::MergeOperator(const Activation& activation, const BiasFormat& bias)
    : expander_(activation, kSearchDegree), bias_(bias) {}

Parent MergeOperator::absorb_into(const PairView& pair, std::size_t kept, const Remainder* remainder) const {
  const Projection projection = project_on_child(pair.phi, pair.output, kept);
  Parent parent;
  parent.cost = projection.cost;
  parent.loss = remainder ? loss_on_child(*remainder, kept) : projection.cost;
  parent.kernel = kernel_of_child(pair.phi, kept);
  parent.alpha = kept == 0 ? std::array{1.0, 0.0} : std::array{0.0, 1.0};
  parent.beta = projection.beta;
  parent.bias = pair.bias[kept];
  return parent;
}

// The parent with these inputs and the output that projects the pair's function onto it.
Parent MergeOperator::project(const PairView& pair, const Mixture& mixture, double bias, const HermiteSeries& first,
                              const HermiteSeries& second, const SampledPair* samples,
                              const Remainder* remainder) const {
  thread_local HermiteSeries series;
  expander_.expand(mixture.dev, bias + pair.shift(mixture.alpha), series);
  ParentKernel phi{{kernel(first, series, mixture.rho[0]), kernel(second, series, mixture.rho[1])}, series.second};
  if (samples) phi = samples->blend(phi, {{{mixture.alpha, bias - pair.stored_bias(mixture.alpha)}}});
  const Projection projection = project_on(pair.phi, pair.output, phi.cross, phi.second);
  Parent parent;
  parent.cost = projection.cost;
  parent.loss = remainder && std::isfinite(projection.cost) ? loss_on(*remainder, pair.phi, phi.cross, phi.second)
                                                            : projection.cost;
  parent.kernel = phi;
  parent.alpha = mixture.alpha;
  parent.beta = projection.beta;
  parent.bias = bias;
  return parent;
}

Parent MergeOperator::best(const PairView& pair, const HermiteSeries& first, const HermiteSeries& second,
                           const SampledPair* samples, const Remainder* remainder) const {
  Parent best = absorb_into(pair, 0, remainder);
  const Parent other = absorb_into(pair, 1, remainder);
  if (other.loss < best.loss) best = other;
  const PairView known = reduced(pair, remainder);
  Mixture mixture;
  if (!mix(expander_.activation(), known, mixture)) return best;
  const auto biases = bias_.round_all(mixture.means, pair.shift(mixture.alpha));
  const double noise = kMergeNoise * pair_energy(known.phi, known.output);
  double to_beat = best.loss - noise;
  for (std::size_t c = 0; c < biases.size(); ++c) {
    const bool tried = (c > 0 && biases[c] == biases[0]) || (c > 1 && biases[c] == biases[1]);
    if (tried || !std::isfinite(biases[c])) continue;
    const Parent parent = project(pair, mixture, biases[c], first, second, samples, remainder);
    if (parent.loss < to_beat) {
      best = parent;
      to_beat = parent.loss;
    }
  }
  return best;
}

}  // namespace herm
