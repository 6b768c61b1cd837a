// Every activation, and each one's definition as a textbook writes it.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/activation.h"

namespace oracle {

using herm::Activation;
using herm::ActivationKind;

inline const std::vector<Activation> kAll = {
    {ActivationKind::Identity},
    {ActivationKind::Relu},
    {ActivationKind::LeakyRelu, 0.1},
    {ActivationKind::LeakyRelu, -2},
    {ActivationKind::Relu2},
    {ActivationKind::Gelu},
    {ActivationKind::GeluTanh},
    {ActivationKind::QuickGelu},
    {ActivationKind::Silu},
    {ActivationKind::Tanh},
    {ActivationKind::Sigmoid},
    {ActivationKind::Sigmoid, -2.5},
    {ActivationKind::Relu6},
    {ActivationKind::HardTanh},
    {ActivationKind::HardSigmoid, -0.8},
    {ActivationKind::HardSwish},
    {ActivationKind::Elu, 0.3},
    {ActivationKind::Selu},
    {ActivationKind::Softplus},
    {ActivationKind::Mish},
    {ActivationKind::HardSwish, 1, {0.5, -1.2}, {4.8, 1.4}},
    {ActivationKind::Softplus, 1, {-2, 0}, {0.5, 0}},
};

inline double naive_plain(const Activation& phi, double x) {
  const double pi = std::numbers::pi;
  switch (phi.kind) {
    case ActivationKind::Identity:
      return x;
    case ActivationKind::Relu:
      return std::max(0.0, x);
    case ActivationKind::LeakyRelu:
      return x > 0 ? x : phi.slope * x;
    case ActivationKind::Relu2:
      return std::max(0.0, x) * std::max(0.0, x);
    case ActivationKind::Gelu:
      return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    case ActivationKind::GeluTanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * std::pow(x, 3))));
    case ActivationKind::QuickGelu:
      return x / (1 + std::exp(-1.702 * x));
    case ActivationKind::Silu:
      return x / (1 + std::exp(-x));
    case ActivationKind::Tanh:
      return std::tanh(x);
    case ActivationKind::Sigmoid:
      return 1 / (1 + std::exp(-phi.slope * x));
    case ActivationKind::Relu6:
      return std::min(std::max(0.0, x), 6.0);
    case ActivationKind::HardTanh:
      return std::min(std::max(-1.0, x), 1.0);
    case ActivationKind::HardSigmoid:
      return std::min(std::max(0.0, phi.slope * x + 0.5), 1.0);
    case ActivationKind::HardSwish:
      return x * std::min(std::max(0.0, x + 3), 6.0) / 6;
    case ActivationKind::Elu:
      return x > 0 ? x : phi.slope * (std::exp(x) - 1);
    case ActivationKind::Selu:
      return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (std::exp(x) - 1));
    case ActivationKind::Softplus:
      return x > 40 ? x : std::log(1 + std::exp(x));
    case ActivationKind::Mish:
      return x * std::tanh(std::log(1 + std::exp(x)));
  }
  return 0;
}

inline double naive(const Activation& phi, double x) {
  return phi.outer.scale * naive_plain(phi, phi.inner.scale * x + phi.inner.shift) + phi.outer.shift;
}

// Where the definitions above change from one to another.
inline std::vector<double> plain_breaks(const Activation& phi) {
  switch (phi.kind) {
    case ActivationKind::Relu:
    case ActivationKind::LeakyRelu:
    case ActivationKind::Relu2:
    case ActivationKind::Elu:
    case ActivationKind::Selu:
      return {0};
    case ActivationKind::Relu6:
      return {0, 6};
    case ActivationKind::HardTanh:
      return {-1, 1};
    case ActivationKind::HardSigmoid:
      return {-0.5 / std::fabs(phi.slope), 0.5 / std::fabs(phi.slope)};
    case ActivationKind::HardSwish:
      return {-3, 3};
    default:
      return {};
  }
}

inline std::vector<double> breaks(const Activation& phi) {
  std::vector<double> found = plain_breaks(phi);
  for (double& x : found) x = (x - phi.inner.shift) / phi.inner.scale;
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace oracle
