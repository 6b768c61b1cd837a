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
    {ActivationKind::Identity},      {ActivationKind::Relu},      {ActivationKind::LeakyRelu, 0.1},
    {ActivationKind::LeakyRelu, -2}, {ActivationKind::Relu2},     {ActivationKind::Gelu},
    {ActivationKind::GeluTanh},      {ActivationKind::QuickGelu}, {ActivationKind::Silu},
    {ActivationKind::Tanh},          {ActivationKind::Sigmoid},   {ActivationKind::Sigmoid, -2.5},
};

inline double naive(const Activation& phi, double x) {
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
  }
  return 0;
}

}  // namespace oracle
