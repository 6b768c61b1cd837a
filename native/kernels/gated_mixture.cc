#include "kernels/gated_mixture.h"

#include <algorithm>
#include <cmath>

#include "kernels/half.h"

namespace herm {

namespace {

using Two = std::array<double, 2>;

// Below this share of what it adds up, a sum of weights nearly cancels and its coefficients would explode.
constexpr double kOpposite = 0.1;

// Σ_kl x_k y_l a_kl
double bilinear(const std::array<Two, 2>& a, const Two& x, const Two& y) {
  return x[0] * (a[0][0] * y[0] + a[0][1] * y[1]) + x[1] * (a[1][0] * y[0] + a[1][1] * y[1]);
}

Two times(const Sym2& a, const Two& x) { return {a.a11 * x[0] + a.a12 * x[1], a.a12 * x[0] + a.a22 * x[1]}; }

bool storable(const Two& coefficients) {
  return std::isfinite(coefficients[0]) && std::isfinite(coefficients[1]) && coefficients[0] != 0 &&
         coefficients[1] != 0;
}

Two to_halves(const Two& x) { return {round_to_half(x[0]), round_to_half(x[1])}; }

}  // namespace

std::size_t mix(const Activation& activation, const GatedPairView& pair, std::array<GatedMixture, 2>& out) {
  const Two& n = pair.gate_dev;
  const Two& mean = pair.gate_mean;
  const Two& beta = pair.value_mean;
  // Root mean squares of the value branches, their means included: a branch of a bias alone scales its neuron too.
  const Two size{std::sqrt(pair.value.a11 + beta[0] * beta[0]), std::sqrt(pair.value.a22 + beta[1] * beta[1])};
  if (!(n[0] > 0 && n[1] > 0 && size[0] > 0 && size[1] > 0)) return 0;
  const bool homogeneous = activation.homogeneous();
  // A neuron of odd φ with gate and value both negated is the same neuron: the sign is chosen that brings the gates
  // closer. The sign of e_k goes to the value.
  const double turn = activation.odd() && pair.gate.a12 < 0 ? -1 : 1;
  const Two sign{1, turn};

  const auto e = dominant_mixture(pair.phi, pair.output);
  Two weight, share, combination;
  for (std::size_t k = 0; k < 2; ++k) {
    weight[k] = std::fabs(e[k]) * (homogeneous ? n[k] : 1) * size[k];
    combination[k] = sign[k] * e[k] * (homogeneous ? n[k] : 1);
  }
  const double sum = weight[0] + weight[1];
  if (!(sum > 0)) return 0;
  for (std::size_t k = 0; k < 2; ++k) share[k] = weight[k] / sum;

  // The value's scale is the output's to compensate. In size it becomes the children's weighted geometric mean: no
  // power of two a level, and coefficients that stay away from the ends of half precision.
  const double mixed_mean = combination[0] * beta[0] + combination[1] * beta[1];
  const double length = std::sqrt(std::max(0.0, quadratic(pair.value, combination)) + mixed_mean * mixed_mean);
  if (!(length > kOpposite * sum)) return 0;
  const double scale = std::pow(size[0], share[0]) * std::pow(size[1], share[1]) / length;
  GatedMixture mixture;
  mixture.value = to_halves({combination[0] * scale, combination[1] * scale});
  if (!storable(mixture.value)) return 0;
  mixture.value_mean = mixture.value[0] * beta[0] + mixture.value[1] * beta[1];

  std::size_t count = 0;
  const std::size_t heavy = share[0] >= share[1] ? 0 : 1;
  mixture.gate = heavy == 0 ? Two{1, 0} : Two{0, sign[1]};
  mixture.gate_means = {mixture.gate[heavy] * mean[heavy], 0, 0};
  mixture.mean_count = 1;
  out[count++] = mixture;

  Two direction;
  double deviation = 0, reach = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    direction[k] = sign[k] * share[k] / (homogeneous ? n[k] : 1);
    deviation += share[k] * n[k];
    reach += std::fabs(direction[k]) * n[k];
  }
  const double gate_length = std::sqrt(std::max(0.0, quadratic(pair.gate, direction)));
  if (!(gate_length > kOpposite * reach)) return count;
  const double gate_scale = deviation / gate_length;
  mixture.gate = to_halves({direction[0] * gate_scale, direction[1] * gate_scale});
  if (!storable(mixture.gate)) return count;
  mixture.gate_means = {0, 0, 0};
  mixture.mean_count = 3;
  for (std::size_t k = 0; k < 2; ++k) {
    mixture.gate_means[0] += sign[k] * share[k] * mean[k] * (homogeneous ? deviation / n[k] : 1);
    mixture.gate_means[1] += sign[k] * share[k] * mean[k];
    mixture.gate_means[2] += mixture.gate[k] * mean[k];
  }
  out[count++] = mixture;
  return count;
}

GatedNeuron mixed_neuron(const GatedPairView& pair, const GatedMixture& mixture, double gate_bias, double value_bias) {
  return {std::sqrt(std::max(0.0, quadratic(pair.gate, mixture.gate))), gate_bias + pair.gate_shift(mixture.gate),
          value_bias + pair.value_shift(mixture.value), bilinear(pair.cross, mixture.gate, mixture.value),
          std::max(0.0, quadratic(pair.value, mixture.value))};
}

GatedGram mixed_gram(const GatedPairView& pair, const GatedMixture& mixture, std::size_t k) {
  const Two& own = pair.cross[k];
  return {times(pair.gate, mixture.gate)[k], own[0] * mixture.value[0] + own[1] * mixture.value[1],
          mixture.gate[0] * pair.cross[0][k] + mixture.gate[1] * pair.cross[1][k], times(pair.value, mixture.value)[k]};
}

}  // namespace herm
