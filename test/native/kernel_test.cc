// The kernel of two neurons, E[φ(s_i) φ(s_j)], against closed forms, long series, quadrature and Monte Carlo.
#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "activations.h"
#include "kernels/bend_kernel.h"

using namespace herm;

namespace {

// E relu(s) relu(s′) of unit neurons without biases (Cho & Saul's arc-cosine kernel of order 1).
double arc_cosine(double rho) {
  const double theta = std::acos(rho);
  return (std::sin(theta) + (std::numbers::pi - theta) * std::cos(theta)) / (2 * std::numbers::pi);
}

}  // namespace

TEST_CASE("ReLU's kernel is the arc-cosine kernel") {
  // Measured 3.9e-9 (degree 16), 1.6e-9 (32), 6.1e-10 (64) and 2.2e-10 (128) at the largest |ρ| that the series has to
  // itself; the closed form above it is good to 1e-15.
  for (const auto& [degree, bound] : {std::pair{std::size_t{16}, 6e-9}, std::pair{kSearchDegree, 2.5e-9},
                                      std::pair{std::size_t{64}, 9e-10}, std::pair{std::size_t{128}, 4e-10}}) {
    const HermiteSeries series = HermiteExpander({ActivationKind::Relu}, degree).expand(1, 0);
    double worst = 0;
    for (double rho = -1; rho <= 1; rho += 1.0 / 1024) {
      worst = std::max(worst, std::fabs(kernel(series, series, rho) - arc_cosine(rho)) / series.second);
    }
    CAPTURE(degree);
    CAPTURE(worst);
    CHECK(worst <= bound);
    for (const double rho : {0.92, 0.99, 0.999, 0.999999, 1.0}) {
      CHECK(std::fabs(kernel(series, series, rho) - arc_cosine(rho)) <= 1e-14);
      CHECK(std::fabs(kernel(series, series, -rho) - arc_cosine(-rho)) <= 1e-14);
    }
  }
}

TEST_CASE("ReLU's kernel with biases is the long series, wherever that has converged") {
  for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::LeakyRelu, 0.2}}) {
    const HermiteExpander expander(phi, kSearchDegree), reference(phi, 1000);
    for (const double a : {-6.0, -2.0, -1.0, -0.05, 0.0, 0.1, 0.7, 4.0}) {
      for (const double b : {-5.0, -2.1, -1.1, -0.9, 0.0, 0.11, 2.5, 5.0}) {
        const HermiteSeries x = expander.expand(1, a), y = expander.expand(2, 2 * b);
        const HermiteSeries long_x = reference.expand(1, a), long_y = reference.expand(2, 2 * b);
        for (double rho = -0.96; rho <= 0.965; rho += 0.06) {
          double expected = 0;
          for (std::size_t k = long_x.c.size(); k-- > 0;) expected = expected * rho + long_x.c[k] * long_y.c[k];
          CAPTURE(a);
          CAPTURE(b);
          CAPTURE(rho);
          const double scale = std::sqrt(x.second * y.second);
          const double tolerance = std::fabs(rho) > bend_threshold(kSearchDegree) ? 1e-13 : 3e-7;
          CHECK(std::fabs(kernel(x, y, rho) - expected) <= tolerance * scale);
          CHECK(kernel(x, y, rho) == kernel(y, x, rho));
        }
      }
    }
  }
}

TEST_CASE("a neuron and its mirror image have the kernel of their symmetry, at every scale of the bend") {
  for (const Activation& phi : oracle::kAll) {
    if (phi.shape().bend == Bend::Neither) continue;
    const HermiteExpander expander(phi, kSearchDegree);
    for (const double n : {0.5, 4.0, 30.0}) {
      // φ(s) φ(−s) for s ~ N(μ, n²), by a fine grid.
      const double mu = 0.4 * n;
      double expected = 0;
      for (double t = -13; t <= 13; t += 1e-4) {
        const double s = n * t + mu;
        expected += 1e-4 * oracle::naive(phi, s) * oracle::naive(phi, -s) * std::exp(-t * t / 2) /
                    std::sqrt(2 * std::numbers::pi);
      }
      const HermiteSeries series = expander.expand(n, mu), mirror = expander.expand(n, -mu);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(n);
      CHECK(std::fabs(kernel(series, mirror, -1) - expected) <= 1e-7 * std::sqrt(series.second * mirror.second));
    }
  }
}

TEST_CASE("kernels at degree 32 are the long series to what theory.md says") {
  struct Bounds {
    Activation phi;
    double narrow, wide;  // of deviation 1 and 9, relative to √(Φ_ii Φ_jj)
  };
  for (const auto& [phi, narrow, wide] :
       {Bounds{{ActivationKind::Relu6}, 1.2e-3, 7e-3}, Bounds{{ActivationKind::HardTanh}, 6.1e-4, 6e-2},
        Bounds{{ActivationKind::HardSigmoid, 1.0 / 6}, 1.4e-5, 5e-3}, Bounds{{ActivationKind::HardSwish}, 7e-5, 1.8e-3},
        Bounds{{ActivationKind::Elu}, 1.5e-5, 9e-4}, Bounds{{ActivationKind::Selu}, 1.7e-4, 9e-4},
        Bounds{{ActivationKind::Softplus}, 1e-14, 2.1e-4}, Bounds{{ActivationKind::Mish}, 3.2e-10, 1.6e-3},
        Bounds{{ActivationKind::Tanh}, 3.4e-7, 4.3e-2}}) {
    const HermiteExpander expander(phi, kSearchDegree), reference(phi, 1000);
    for (const double n : {1.0, 9.0}) {
      double worst = 0;
      for (const double a : {-1.5, -0.5, 0.0, 2.0}) {
        for (const double b : {-1.4, -0.5, 0.35, 1.0}) {
          const HermiteSeries x = expander.expand(n, a * n), y = expander.expand(n, b * n);
          const HermiteSeries long_x = reference.expand(n, a * n), long_y = reference.expand(n, b * n);
          const double scale = std::sqrt(x.second * y.second);
          for (int step = 0; step <= 32; ++step) {
            const double rho = std::cos(std::numbers::pi / 32 * step);
            double expected = 0;
            for (std::size_t k = long_x.c.size(); k-- > 0;) expected = expected * rho + long_x.c[k] * long_y.c[k];
            worst = std::max(worst, std::fabs(kernel(x, y, rho) - expected) / scale);
          }
        }
      }
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(n);
      CAPTURE(worst);
      CHECK(worst <= (n == 1 ? narrow : wide));
    }
  }
}

TEST_CASE("kernels of neurons with biases agree with Monte Carlo") {
  constexpr int samples = 1 << 20;
  struct Pair {
    double n1, mu1, n2, mu2, rho;
  };
  std::mt19937_64 random(20240607);
  std::normal_distribution<double> normal;
  std::vector<double> x(samples), z(samples);
  for (int s = 0; s < samples; ++s) {
    x[s] = normal(random);
    z[s] = normal(random);
  }
  for (const Activation& phi : oracle::kAll) {
    const HermiteExpander expander(phi, 64);
    for (const Pair& p : {Pair{1, 0.3, 2, -0.7, 0.5}, Pair{0.8, -1, 1, -0.9, 0.97}, Pair{3, 1, 1, -0.2, -0.95},
                          Pair{1, -0.5, 1, 0.5, 1}, Pair{2, 0.1, 0.5, 0.4, -1}, Pair{1, 1, 1, 1, 0}}) {
      double sum = 0, squares = 0;
      for (int s = 0; s < samples; ++s) {
        const double y = p.rho * x[s] + std::sqrt(1 - p.rho * p.rho) * z[s];
        const double product = phi(p.n1 * x[s] + p.mu1) * phi(p.n2 * y + p.mu2);
        sum += product;
        squares += product * product;
      }
      const double mean = sum / samples, error = std::sqrt((squares / samples - mean * mean) / samples);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(p.rho);
      CHECK(std::fabs(kernel(expander.expand(p.n1, p.mu1), expander.expand(p.n2, p.mu2), p.rho) - mean) <= 4.5 * error);
    }
  }
}
