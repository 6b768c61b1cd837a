#include "kernels/gated_operator.h"

#include <cmath>

#include "kernels/projection.h"

namespace herm {

GatedOperator::GatedOperator(const Activation& activation, const BiasFormat& gate_bias, const BiasFormat& value_bias)
    : expander_(activation, kSearchDegree), gate_bias_(gate_bias), value_bias_(value_bias) {}

GatedParent GatedOperator::absorb_into(const GatedPairView& pair, std::size_t kept, const Remainder* remainder) const {
  const Projection projection = project_on_child(pair.phi, pair.output, kept);
  GatedParent parent;
  parent.cost = projection.cost;
  parent.loss = remainder ? loss_on_child(*remainder, kept) : projection.cost;
  parent.kernel = kernel_of_child(pair.phi, kept);
  parent.alpha = parent.alpha_value = kept == 0 ? std::array{1.0, 0.0} : std::array{0.0, 1.0};
  parent.beta = projection.beta;
  parent.gate_bias = pair.gate_bias[kept];
  parent.value_bias = pair.value_bias[kept];
  return parent;
}

// The parent with these inputs and the output that projects the pair's function onto it.
GatedParent GatedOperator::project(const GatedPairView& pair, const GatedMixture& mixture, double gate_bias,
                                   double value_bias, const GatedSeries& first, const GatedSeries& second,
                                   const SampledPair* samples, const Remainder* remainder) const {
  thread_local GatedSeries series;
  expander_.expand(mixed_neuron(pair, mixture, gate_bias, value_bias), series);
  ParentKernel phi{
      {kernel(first, series, mixed_gram(pair, mixture, 0)), kernel(second, series, mixed_gram(pair, mixture, 1))},
      series.second};
  if (samples) {
    phi = samples->blend(phi, {{{mixture.gate, gate_bias - pair.stored_gate_bias(mixture.gate)},
                                {mixture.value, value_bias - pair.stored_value_bias(mixture.value)}}});
  }
  const Projection projection = project_on(pair.phi, pair.output, phi.cross, phi.second);
  const double loss = remainder && std::isfinite(projection.cost) ? loss_on(*remainder, pair.phi, phi.cross, phi.second)
                                                                  : projection.cost;
  return {projection.cost, mixture.gate, mixture.value, projection.beta, gate_bias, value_bias, loss, phi};
}

GatedParent GatedOperator::best(const GatedPairView& pair, const GatedSeries& first, const GatedSeries& second,
                                const SampledPair* samples, const Remainder* remainder) const {
  GatedParent best = absorb_into(pair, 0, remainder);
  const GatedParent other = absorb_into(pair, 1, remainder);
  if (other.loss < best.loss) best = other;
  const GatedPairView known = reduced(pair, remainder);
  std::array<GatedMixture, 2> mixtures;
  const std::size_t count = mix(expander_.activation(), known, mixtures);
  double to_beat = best.loss - kMergeNoise * pair_energy(known.phi, known.output);
  for (std::size_t c = 0; c < count; ++c) {
    const double value_bias = value_bias_.round(mixtures[c].value_mean - pair.value_shift(mixtures[c].value));
    const auto biases = gate_bias_.round_all(mixtures[c].gate_means, pair.gate_shift(mixtures[c].gate));
    for (std::size_t k = 0; k < mixtures[c].mean_count; ++k) {
      const bool tried = (k > 0 && biases[k] == biases[0]) || (k > 1 && biases[k] == biases[1]);
      if (tried || !std::isfinite(biases[k]) || !std::isfinite(value_bias)) continue;
      const GatedParent parent = project(pair, mixtures[c], biases[k], value_bias, first, second, samples, remainder);
      if (parent.loss < to_beat) {
        best = parent;
        to_beat = parent.loss;
      }
    }
  }
  return best;
}

}  // namespace herm
