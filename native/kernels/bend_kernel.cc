#include "kernels/bend_kernel.h"

#include <algorithm>
#include <numbers>
#include <utility>

namespace herm {

namespace {

// n·(right·(t + a)₊ − left·(t + a)₋), a piecewise linear function of a standard normal t.
struct BentLine {
  double dev;
  double a;
  double left, right;

  // As a function of −t.
  BentLine mirrored() const { return {dev, -a, -right, -left}; }
};

// E[f g] and E[f′ g′] of two lines with the same t, per n_f n_g.
struct Contact {
  double value, slope;
};

Contact contact(const BentLine& f, const BentLine& g) {
  const BentLine& late = f.a < g.a ? f : g;  // bends at the larger t
  const BentLine& early = f.a < g.a ? g : f;
  const double gap = early.a - late.a;
  const PartialMoments right = partial_moments(late.a);
  // E[(t + a)(t + b)] to the right of both bends.
  double value = late.right * early.right * (2 * right.p[2] + gap * right.p[1]);
  double slope = late.right * early.right * right.p[0];
  if (late.left != 0) {
    const PartialMoments left = partial_moments(-early.a);
    const double left_value = 2 * left.p[2] + gap * left.p[1];
    const double middle = 1 + late.a * early.a - (2 * right.p[2] + gap * right.p[1]) - left_value;
    value += late.left * early.left * left_value + late.left * early.right * middle;
    slope += late.left * early.left * left.p[0] + late.left * early.right * (1 - right.p[0] - left.p[0]);
  }
  return {value, slope};
}

// ∫_0^1 (1 − y²)/(1 + x y²)² e^{−z²/(2y²) − q y²} dy for 0 <= x <= 1/3: the power series of the two middle factors in x
// y² against the moments of the rest, m_j = ∫ y^{2j} e^{−z²/(2y²)} dy, (2j + 1) m_j = e^{−z²/2} − z² m_{j−1}.
double bend_integral(double x, double z, double q) {
  constexpr int kTerms = 64;
  constexpr double kNegligible = 1e-17;
  const double z2 = z * z, edge = std::exp(-0.5 * z2);
  // m_0 by parts; the difference is of numbers no larger than m_0 + edge, so its absolute error stays small.
  double moment = edge - z * std::sqrt(0.5 * std::numbers::pi) * std::erfc(z * 0.70710678118654752440);
  double next_moment = (edge - z2 * moment) / 3;
  double coefficient = 1, previous = 0;  // of (x y²)^j in e^{−q y²}/(1 + x y²)²
  double sum = 0;
  for (int j = 0; j < kTerms; ++j) {
    sum += coefficient * (moment - next_moment);
    const double next = -((x * (j + 2) + q) * coefficient + x * q * previous) / (j + 1);
    previous = coefficient;
    coefficient = next;
    moment = next_moment;
    next_moment = (edge - z2 * moment) / (2 * j + 5);
    if (std::fabs(coefficient) + std::fabs(previous) < kNegligible) break;
  }
  return sum;
}

}  // namespace

double bend_kernel(const Activation& activation, Preactivation i, Preactivation j, double rho) {
  const double left = activation.kind == ActivationKind::Relu ? 0 : activation.slope;
  BentLine f{i.dev, i.mean / i.dev, left, 1}, g{j.dev, j.mean / j.dev, left, 1};
  // The order decides which one is mirrored: fixed by the neurons, not by who is called i.
  if (g.a < f.a) std::swap(f, g);
  if (rho < 0) g = g.mirrored();
  const double r = std::fabs(rho);
  const Contact at_one = contact(f, g);
  double value = at_one.value - (1 - r) * at_one.slope;

  const double tau2 = (1 - r) / (1 + r), tau = std::sqrt(tau2);
  const double density = std::exp(-0.25 * (f.a * f.a + g.a * g.a)) / std::numbers::pi;
  if (tau > 0 && density > 0) {
    const double jump = 1 - left;
    const double difference = f.a - g.a, sum = f.a + g.a;
    const double z = std::fabs(difference) / (2 * tau), q = 0.125 * sum * sum * tau2;
    value += jump * jump * (1 + r) * density * tau2 * tau * bend_integral(tau2, z, q);
  }
  return f.dev * g.dev * value;
}

}  // namespace herm
