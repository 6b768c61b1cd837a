// The activations themselves, one inlinable function each, so that loops over values choose once and not per value.
#pragma once

#include <cmath>
#include <stdexcept>

#include "kernels/activation.h"

namespace herm {

// 1 / (1 + e^−x), the form that underflows to the right limit on both sides.
inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// Calls visit(f) with f: double → double, the activation as a function object of a type of its own.
template <class Visitor>
auto with_activation(const Activation& activation, Visitor&& visit) {
  constexpr double kInvSqrt2 = 0.70710678118654752440, kSqrt2OverPi = 0.79788456080286535588;
  const double slope = activation.slope;
  switch (activation.kind) {
    case ActivationKind::Identity:
      return visit([](double x) { return x; });
    case ActivationKind::Relu:
      return visit([](double x) { return x < 0 ? 0 : x; });
    case ActivationKind::LeakyRelu:
      return visit([slope](double x) { return x < 0 ? slope * x : x; });
    case ActivationKind::Relu2:
      return visit([](double x) { return x < 0 ? 0 : x * x; });
    // erfc and the logistic function keep their relative accuracy far to the left, where 1 + erf and 1 + tanh lose it.
    case ActivationKind::Gelu:
      return visit([](double x) { return 0.5 * x * std::erfc(-x * kInvSqrt2); });
    case ActivationKind::GeluTanh:
      return visit([](double x) { return x * logistic(2 * kSqrt2OverPi * (x + 0.044715 * x * x * x)); });
    case ActivationKind::QuickGelu:
      return visit([](double x) { return x * logistic(1.702 * x); });
    case ActivationKind::Silu:
      return visit([](double x) { return x * logistic(x); });
    case ActivationKind::Tanh:
      return visit([](double x) { return std::tanh(x); });
    case ActivationKind::Sigmoid:
      return visit([slope](double x) { return logistic(slope * x); });
  }
  throw std::invalid_argument("unknown activation");
}

}  // namespace herm
