// Gated neurons: their kernel against Monte Carlo and limits known exactly, and the merge operator against the function
// that its parent computes.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "activations.h"
#include "gated_block.h"

using namespace herm;
using oracle::built;
using oracle::gated_kernel;
using oracle::GatedTestBlock;
using oracle::pair_view;

namespace {

const BiasFormat kBias{true, DType::F32};

double value_at(const Activation& phi, const GatedTestBlock& f, std::size_t i, const double* x) {
  return oracle::naive(phi, oracle::dot(f.gate.row(i), x, f.inputs()) + f.gate_bias[i]) *
         (oracle::dot(f.value.row(i), x, f.inputs()) + f.value_bias[i]);
}

// Mean and standard error of the mean.
struct Estimate {
  double mean, error;
};

template <class Function>
Estimate monte_carlo(std::size_t inputs, unsigned seed, const Function& f) {
  constexpr int kSamples = 1'000'000;
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> x(inputs);
  double sum = 0, squares = 0;
  for (int s = 0; s < kSamples; ++s) {
    for (double& value : x) value = normal(random);
    const double y = f(x.data());
    sum += y;
    squares += y * y;
  }
  const double mean = sum / kSamples;
  return {mean, std::sqrt((squares / kSamples - mean * mean) / kSamples)};
}

GatedParent best_parent(const GatedOperator& op, const GatedTestBlock& f, std::size_t i, std::size_t j) {
  const GatedExpander& expander = op.expander();
  return op.best(pair_view(expander, f, i, j), expander.expand(oracle::neuron(f, i)),
                 expander.expand(oracle::neuron(f, j)));
}

GatedOperator operator_of(const Activation& phi) { return {phi, kBias, kBias}; }

double energy(const GatedExpander& expander, const GatedTestBlock& f) {
  const GatedPairView view = pair_view(expander, f, 0, 1);
  return pair_energy(view.phi, view.output);
}

// ‖f_0 + f_1 − parent‖² by the kernel, from the vectors.
double squared_change(const GatedExpander& expander, const GatedTestBlock& f, const GatedParent& parent) {
  const GatedTestBlock p = built(f, 0, 1, parent);
  const std::size_t width = f.output.cols();
  double sum =
      energy(expander, f) + gated_kernel(expander, p, 0, p, 0) * oracle::dot(p.output.row(0), p.output.row(0), width);
  for (std::size_t k = 0; k < 2; ++k) {
    sum -= 2 * gated_kernel(expander, f, k, p, 0) * oracle::dot(f.output.row(k), p.output.row(0), width);
  }
  return sum;
}

}  // namespace

TEST_CASE("the gated kernel agrees with Monte Carlo, for gates and values correlated in every way") {
  for (const Activation& phi : oracle::kAll) {
    const GatedExpander expander(phi, kSearchDegree);
    GatedTestBlock f(2, 3, 1, 40 + static_cast<unsigned>(phi.kind));
    // Values lean on their own and the other's gate.
    for (std::size_t c = 0; c < 3; ++c) {
      f.value(0, c) += 0.6 * f.gate(0, c) - 0.4 * f.gate(1, c);
      f.value(1, c) += 0.5 * f.gate(0, c) + 0.2 * f.gate(1, c);
    }
    const Estimate cross =
        monte_carlo(3, 5, [&](const double* x) { return value_at(phi, f, 0, x) * value_at(phi, f, 1, x); });
    const Estimate own = monte_carlo(3, 6, [&](const double* x) { return std::pow(value_at(phi, f, 0, x), 2); });
    CAPTURE(static_cast<int>(phi.kind));
    CHECK(std::fabs(gated_kernel(expander, f, 0, f, 1) - cross.mean) <= 4 * cross.error);
    CHECK(std::fabs(expander.expand(oracle::neuron(f, 0)).second - own.mean) <= 4 * own.error);

    // Gate and value taken as independent would be another number.
    const GatedGram g = oracle::gram(f, 0, f, 1);
    const HermiteExpander plain(phi, kSearchDegree);
    const GatedNeuron i = oracle::neuron(f, 0), j = oracle::neuron(f, 1);
    const double independent = kernel(plain.expand(i.gate_dev, i.gate_mean), plain.expand(j.gate_dev, j.gate_mean),
                                      g.gate / (i.gate_dev * j.gate_dev)) *
                               (g.value + i.value_mean * j.value_mean);
    CHECK(std::fabs(independent - cross.mean) > 8 * cross.error);
  }
}

TEST_CASE("the gated kernel is symmetric to the bit, and at a neuron with itself the exact second moment") {
  for (const Activation& phi : oracle::kAll) {
    const GatedExpander expander(phi, kSearchDegree);
    for (unsigned seed = 1; seed <= 8; ++seed) {
      const GatedTestBlock f(2, 4, 1, 100 * seed);
      CAPTURE(static_cast<int>(phi.kind));
      CHECK(gated_kernel(expander, f, 0, f, 1) == gated_kernel(expander, f, 1, f, 0));
      const double second = expander.expand(oracle::neuron(f, 0)).second;
      CHECK(std::fabs(gated_kernel(expander, f, 0, f, 0) - second) <= 1e-12 * second);
    }
  }
}

TEST_CASE("the gated kernel of neurons with one gate is E[φ² · value · value], however slowly the series converges") {
  for (const Activation& phi : oracle::kAll) {
    const GatedExpander expander(phi, kSearchDegree);
    for (unsigned seed = 1; seed <= 6; ++seed) {
      GatedTestBlock f(3, 4, 1, 10 * seed);
      f.copy_gate(0, 1);
      f.copy_gate(0, 2);
      // u_2 = u_0 + u_1: E f_2² = E f_0² + 2 E f_0 f_1 + E f_1².
      for (std::size_t c = 0; c < 4; ++c) f.value(2, c) = f.value(0, c) + f.value(1, c);
      f.value_bias[2] = f.value_bias[0] + f.value_bias[1];
      const auto second = [&](std::size_t i) { return expander.expand(oracle::neuron(f, i)).second; };
      const double expected = 0.5 * (second(2) - second(0) - second(1));
      CAPTURE(static_cast<int>(phi.kind));
      CHECK(std::fabs(gated_kernel(expander, f, 0, f, 1) - expected) <= 1e-11 * (second(0) + second(1)));
    }
  }
}

TEST_CASE("the mirror image of a gated neuron: exact at ρ = −1") {
  for (const Activation& phi : oracle::kAll) {
    if (phi.shape().bend == Bend::Neither) continue;
    const GatedExpander expander(phi, kSearchDegree);
    GatedTestBlock f(2, 2, 1, 77);
    f.copy_gate(0, 1, -1);
    const double exact_by_grid = [&] {
      // x in the plane's coordinates: trapezoids in both, exact to far below the tolerance but for the bend.
      double sum = 0;
      const double step = 0.01;
      double x[2];
      for (x[0] = -9; x[0] <= 9; x[0] += step)
        for (x[1] = -9; x[1] <= 9; x[1] += step)
          sum += value_at(phi, f, 0, x) * value_at(phi, f, 1, x) * std::exp(-0.5 * (x[0] * x[0] + x[1] * x[1]));
      return sum * step * step / (2 * std::numbers::pi);
    }();
    const double scale =
        std::sqrt(expander.expand(oracle::neuron(f, 0)).second * expander.expand(oracle::neuron(f, 1)).second);
    CAPTURE(static_cast<int>(phi.kind));
    CHECK(std::fabs(gated_kernel(expander, f, 0, f, 1) - exact_by_grid) <= 2e-5 * scale);
  }
}

TEST_CASE("degenerate gated neurons: constant gates, values without direction, no input at all") {
  for (const Activation& phi : oracle::kAll) {
    const GatedExpander expander(phi, kSearchDegree);
    CAPTURE(static_cast<int>(phi.kind));
    GatedTestBlock f(4, 3, 1, 31);
    f.scale_row(f.gate, 0, 0);   // φ(μ) (u·x + β)
    f.scale_row(f.value, 1, 0);  // β φ(g·x + μ)
    f.scale_row(f.gate, 2, 0);   // a constant
    f.scale_row(f.value, 2, 0);
    const double constant = phi(f.gate_bias[0]);
    const auto second = [&](std::size_t i) { return expander.expand(oracle::neuron(f, i)).second; };
    const GatedNeuron zero = oracle::neuron(f, 0);
    CHECK(second(0) == doctest::Approx(constant * constant * (zero.value + f.value_bias[0] * f.value_bias[0])));
    const HermiteExpander plain(phi, kSearchDegree);
    const HermiteSeries gate = plain.expand(oracle::neuron(f, 1).gate_dev, f.gate_bias[1]);
    CHECK(second(1) == doctest::Approx(f.value_bias[1] * f.value_bias[1] * gate.second));
    // A linear function against a neuron: its mean and Stein's identity for each coordinate.
    const double height = phi(f.gate_bias[2]) * f.value_bias[2];
    CHECK(gated_kernel(expander, f, 2, f, 1) == doctest::Approx(height * f.value_bias[1] * gate.c[0]));
    CHECK(gated_kernel(expander, f, 0, f, 2) == doctest::Approx(height * constant * f.value_bias[0]));
    const double slope = oracle::dot(f.value.row(0), f.gate.row(1), 3) / oracle::neuron(f, 1).gate_dev;
    CHECK(gated_kernel(expander, f, 0, f, 1) ==
          doctest::Approx(constant * f.value_bias[1] * (f.value_bias[0] * gate.c[0] + slope * gate.c[1])));
    const Estimate linear =
        monte_carlo(3, 9, [&](const double* x) { return value_at(phi, f, 0, x) * value_at(phi, f, 3, x); });
    CHECK(std::fabs(gated_kernel(expander, f, 0, f, 3) - linear.mean) <= 4 * linear.error);

    // Only absorbing is left, and a neuron without a function costs nothing.
    const GatedOperator op = operator_of(phi);
    GatedTestBlock pair(2, 3, 2, 32);
    pair.scale_row(pair.value, 1, 0);
    pair.value_bias[1] = 0;
    const GatedParent parent = best_parent(op, pair, 0, 1);
    CHECK(parent.cost <= 1e-12 * energy(op.expander(), pair));
    CHECK(parent.alpha == std::array{1.0, 0.0});
    CHECK(parent.alpha_value == std::array{1.0, 0.0});
  }
}

TEST_CASE("the cost of a gated merge is the squared change of the block's function") {
  for (const Activation& phi : oracle::kAll) {
    const GatedOperator op = operator_of(phi);
    for (unsigned seed = 1; seed <= 10; ++seed) {
      GatedTestBlock f(2, 5, 3, 1000 + 10 * seed);
      // Alike enough for mixtures.
      for (std::size_t c = 0; c < 5; ++c) {
        f.gate(1, c) = f.gate(0, c) + 0.3 * f.gate(1, c);
        f.value(1, c) = 0.5 * f.value(0, c) + 0.5 * f.value(1, c);
      }
      const GatedParent parent = best_parent(op, f, 0, 1);
      const double total = energy(op.expander(), f);
      const GatedPairView view = pair_view(op.expander(), f, 0, 1);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(seed);
      CHECK(std::fabs(parent.cost - squared_change(op.expander(), f, parent)) <= 1e-10 * total);
      CHECK(parent.cost >= sigma2_squared(view.phi, view.output) - 1e-3 * total);
      CHECK(parent.cost <= total);
    }
  }
}

TEST_CASE("the cost of a gated merge agrees with Monte Carlo") {
  for (const Activation& phi : {Activation{ActivationKind::Silu}, Activation{ActivationKind::Gelu},
                                Activation{ActivationKind::Relu}, Activation{ActivationKind::Tanh}}) {
    const GatedOperator op = operator_of(phi);
    GatedTestBlock f(2, 3, 2, 63);
    for (std::size_t c = 0; c < 3; ++c) f.gate(1, c) = f.gate(0, c) + 0.2 * f.gate(1, c);
    for (std::size_t c = 0; c < 2; ++c) f.output(1, c) = -f.output(0, c) + 0.2 * f.output(1, c);
    f.gate_bias[1] = f.gate_bias[0] + 0.125;
    const GatedParent parent = best_parent(op, f, 0, 1);
    const GatedTestBlock p = built(f, 0, 1, parent);
    const Estimate change = monte_carlo(3, 8, [&](const double* x) {
      double sum = 0;
      for (std::size_t c = 0; c < 2; ++c) {
        const double difference = value_at(phi, f, 0, x) * f.output(0, c) + value_at(phi, f, 1, x) * f.output(1, c) -
                                  value_at(phi, p, 0, x) * p.output(0, c);
        sum += difference * difference;
      }
      return sum;
    });
    CAPTURE(static_cast<int>(phi.kind));
    CHECK(parent.alpha_value[0] * parent.alpha_value[1] != 0);  // a mixture, not an absorption
    CHECK(std::fabs(parent.cost - change.mean) <= 4 * change.error);
  }
}

TEST_CASE("neurons with one gate and outputs in one direction merge for nothing but half precision") {
  for (const Activation& phi : oracle::kAll) {
    const GatedOperator op = operator_of(phi);
    for (unsigned seed = 1; seed <= 6; ++seed) {
      GatedTestBlock f(2, 5, 3, 300 + 10 * seed);
      const double factor = phi.homogeneous() && phi.kind != ActivationKind::Identity ? 3 : 1;
      f.copy_gate(0, 1, factor);
      for (std::size_t c = 0; c < 3; ++c) f.output(1, c) = -0.7 * f.output(0, c);
      const GatedParent parent = best_parent(op, f, 0, 1);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(seed);
      CHECK(parent.cost <= 1e-5 * energy(op.expander(), f));
      CHECK(parent.alpha_value[0] * parent.alpha_value[1] != 0);
    }
  }
}

TEST_CASE("a gated neuron is the same at every scale and sign of its value branch") {
  for (const Activation& phi : oracle::kAll) {
    const GatedOperator op = operator_of(phi);
    for (const double factor : {-3.0, 0.25, -1e6, 3e-7}) {
      GatedTestBlock f(2, 5, 3, 81);
      f.copy_gate(0, 1);
      f.copy_value(0, 1, factor);
      const double total = energy(op.expander(), f);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(factor);
      CHECK(best_parent(op, f, 0, 1).cost <= 1e-6 * total);
    }
    for (const double factor : {-3.0, 0.25, -200.0, 4e-3}) {
      // Moving a factor from the value to the output changes no merge's cost by more than rounding coefficients does.
      GatedTestBlock g(2, 5, 3, 82);
      for (std::size_t c = 0; c < 5; ++c) g.gate(1, c) = g.gate(0, c) + 0.2 * g.gate(1, c);
      const double before = best_parent(op, g, 0, 1).cost;
      const double size = energy(op.expander(), g);
      g.scale_row(g.value, 1, factor);
      g.value_bias[1] *= factor;
      g.scale_row(g.output, 1, 1 / factor);
      CHECK(std::fabs(best_parent(op, g, 0, 1).cost - before) <= 2e-3 * size);
    }
  }
}

TEST_CASE("an odd gate's sign may sit in gate or value") {
  const Activation phi{ActivationKind::Tanh};
  const GatedOperator op = operator_of(phi);
  GatedTestBlock f(2, 5, 3, 91);
  for (std::size_t c = 0; c < 5; ++c) f.gate(1, c) = f.gate(0, c) + 0.2 * f.gate(1, c);
  const double before = best_parent(op, f, 0, 1).cost;
  f.scale_row(f.gate, 1, -1);
  f.scale_row(f.value, 1, -1);
  f.gate_bias[1] = -f.gate_bias[1];
  f.value_bias[1] = -f.value_bias[1];
  CHECK(best_parent(op, f, 0, 1).cost == doctest::Approx(before).epsilon(1e-9));
}

TEST_CASE("gated parents without bias tensors have no biases, and opposite gates are not mixed") {
  const Activation phi{ActivationKind::Silu};
  const GatedOperator op(phi, {}, {});
  GatedTestBlock f(2, 5, 3, 71, false);
  for (std::size_t c = 0; c < 5; ++c) f.gate(1, c) = f.gate(0, c) + 0.2 * f.gate(1, c);
  const GatedParent parent = best_parent(op, f, 0, 1);
  CHECK(parent.gate_bias == 0);
  CHECK(parent.value_bias == 0);

  f.copy_gate(0, 1, -1);
  const GatedParent apart = best_parent(op, f, 0, 1);
  CHECK(apart.alpha[0] * apart.alpha[1] == 0);
}

TEST_CASE("gated neurons out of double precision's range are never merged by a cost that is no number") {
  const GatedOperator op = operator_of({ActivationKind::Silu});
  GatedTestBlock f(2, 4, 2, 55);
  f.value_bias[0] = 1e300;
  const GatedParent parent = best_parent(op, f, 0, 1);
  CHECK_FALSE(std::isnan(parent.cost));
}
