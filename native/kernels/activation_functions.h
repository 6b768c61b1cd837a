// The activations themselves, one inlinable function each, so that loops over values choose once and not per value.
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "kernels/activation.h"

namespace herm {

// 1 / (1 + e^−x), the form that underflows to the right limit on both sides.
inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }

inline double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

// x tanh(softplus(x)), by e^−|x|, which cannot overflow.
inline double mish(double x) {
  const double e = std::exp(-std::fabs(x));
  return x < 0 ? x * (e * (e + 2)) / (e * (e + 2) + 2) : x * (1 + 2 * e) / (1 + 2 * e * (1 + e));
}

// Calls visit(f) with f: double → double, a plain activation as a function object of a type of its own.
template <class Visitor>
auto with_plain_activation(const Activation& activation, Visitor&& visit) {
  constexpr double kInvSqrt2 = 0.70710678118654752440, kSqrt2OverPi = 0.79788456080286535588;
  constexpr double kSeluScale = 1.05070098735548049342, kSeluSlope = 1.67326324235437728482;
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
    case ActivationKind::Relu6:
      return visit([](double x) { return std::clamp(x, 0.0, 6.0); });
    case ActivationKind::HardTanh:
      return visit([](double x) { return std::clamp(x, -1.0, 1.0); });
    case ActivationKind::HardSigmoid:
      return visit([slope](double x) { return std::clamp(slope * x + 0.5, 0.0, 1.0); });
    case ActivationKind::HardSwish:
      return visit([](double x) { return x * (std::clamp(x + 3, 0.0, 6.0) / 6); });
    case ActivationKind::Elu:
      return visit([slope](double x) { return x < 0 ? slope * std::expm1(x) : x; });
    case ActivationKind::Selu:
      return visit([](double x) { return kSeluScale * (x < 0 ? kSeluSlope * std::expm1(x) : x); });
    case ActivationKind::Softplus:
      return visit([](double x) { return softplus(x); });
    case ActivationKind::Mish:
      return visit([](double x) { return mish(x); });
  }
  throw std::invalid_argument("unknown activation");
}

// The same with any activation.
template <class Visitor>
auto with_activation(const Activation& activation, Visitor&& visit) {
  return with_plain_activation(activation, [&](const auto& psi) {
    if (activation.plain()) return visit(psi);
    return visit([psi, inner = activation.inner, outer = activation.outer](double x) { return outer(psi(inner(x))); });
  });
}

}  // namespace herm
