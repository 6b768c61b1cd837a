#include "kernels/activation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <vector>

#include "kernels/bend_kernel.h"

using namespace herm;

namespace {

const std::vector<Activation> kAll = {
    {ActivationKind::Identity},       {ActivationKind::Relu},      {ActivationKind::LeakyRelu, 0.1},
    {ActivationKind::LeakyRelu, -2},  {ActivationKind::Relu2},     {ActivationKind::Gelu},
    {ActivationKind::GeluTanh},       {ActivationKind::QuickGelu}, {ActivationKind::Silu},
    {ActivationKind::Tanh},           {ActivationKind::Sigmoid},   {ActivationKind::Sigmoid, -2.5},
};

bool bent(const Activation& phi) {
  return phi.kind == ActivationKind::Relu || phi.kind == ActivationKind::LeakyRelu || phi.kind == ActivationKind::Relu2;
}

// The definition, written as in a textbook.
double naive(const Activation& phi, double x) {
  const double pi = std::numbers::pi;
  switch (phi.kind) {
    case ActivationKind::Identity: return x;
    case ActivationKind::Relu: return std::max(0.0, x);
    case ActivationKind::LeakyRelu: return x > 0 ? x : phi.slope * x;
    case ActivationKind::Relu2: return std::max(0.0, x) * std::max(0.0, x);
    case ActivationKind::Gelu: return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    case ActivationKind::GeluTanh: return x / 2 * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * std::pow(x, 3))));
    case ActivationKind::QuickGelu: return x / (1 + std::exp(-1.702 * x));
    case ActivationKind::Silu: return x / (1 + std::exp(-x));
    case ActivationKind::Tanh: return std::tanh(x);
    case ActivationKind::Sigmoid: return 1 / (1 + std::exp(-phi.slope * x));
  }
  return 0;
}

struct Reference {
  std::vector<double> c;
  double second;
};

// ∫ over [−13, 13] on a very fine grid: the trapezoid rule, which converges exponentially for analytic integrands, or, with a
// bend, Simpson's rule to both sides of it.
Reference integrate(const Activation& phi, double n, double mu, std::size_t degree) {
  Reference result{std::vector<double>(degree + 1), 0};
  const auto add = [&](double t, double weight) {
    const double f = naive(phi, n * t + mu);
    weight *= std::exp(-t * t / 2) / std::sqrt(2 * std::numbers::pi);
    result.second += weight * f * f;
    double before = 0, h = 1;
    for (std::size_t k = 0; k <= degree; ++k) {
      result.c[k] += weight * f * h;
      const double next = (t * h - std::sqrt(double(k)) * before) / std::sqrt(double(k) + 1);
      before = h;
      h = next;
    }
  };
  const double reach = 13;
  if (!bent(phi)) {
    const double step = std::min(0.02, 0.1 / n);
    for (double t = -reach; t <= reach; t += step) add(t, step);
    return result;
  }
  const double bend = std::clamp(-mu / n, -reach, reach);
  for (const auto& [begin, end] : {std::pair{-reach, bend}, std::pair{bend, reach}}) {
    const int steps = 2 * (static_cast<int>((end - begin) / 0.001) + 1);
    for (int i = 0; i <= steps; ++i) {
      const double factor = i == 0 || i == steps ? 1 : i % 2 ? 4 : 2;
      add(begin + (end - begin) * i / steps, factor * (end - begin) / steps / 3);
    }
  }
  return result;
}

double energy(const std::vector<double>& c) {
  double sum = 0;
  for (const double x : c) sum += x * x;
  return sum;
}

// E relu(s) relu(s′) of unit neurons without biases (Cho & Saul's arc-cosine kernel of order 1).
double arc_cosine(double rho) {
  const double theta = std::acos(rho);
  return (std::sin(theta) + (std::numbers::pi - theta) * std::cos(theta)) / (2 * std::numbers::pi);
}

}  // namespace

TEST_CASE("activations are what their names say") {
  for (const Activation& phi : kAll) {
    CAPTURE(static_cast<int>(phi.kind));
    for (double x = -6; x <= 6; x += 0.125) CHECK(phi(x) == doctest::Approx(naive(phi, x)).epsilon(1e-12));
    CHECK(std::isnan(phi(std::numeric_limits<double>::quiet_NaN())));
  }
  // Where the textbook forms lose every digit.
  CHECK(Activation{ActivationKind::Gelu}(-20.0) == doctest::Approx(-20 * 2.7536241186062337e-89).epsilon(1e-12));
  CHECK(Activation{ActivationKind::Silu}(-40.0) == doctest::Approx(-40 * std::exp(-40.0)).epsilon(1e-12));
  CHECK(Activation{ActivationKind::GeluTanh}(-9.0) < 0);
  CHECK(Activation{ActivationKind::QuickGelu}(-1e300) == 0);
  CHECK(Activation{ActivationKind::GeluTanh}(1e300) == 1e300);
}

TEST_CASE("symmetries of activations hold where they are claimed") {
  for (const Activation& phi : kAll) {
    CAPTURE(static_cast<int>(phi.kind));
    bool homogeneous = true, odd = true;
    for (double x = -3; x <= 3; x += 0.5) {
      homogeneous = homogeneous && std::fabs(phi(4 * x) - 4 * phi(x)) < 1e-12;
      odd = odd && std::fabs(phi(-x) + phi(x)) < 1e-12;
    }
    CHECK(phi.homogeneous() == homogeneous);
    CHECK(phi.odd() == odd);
  }
  CHECK(Activation{ActivationKind::LeakyRelu, 1}.odd());
}

TEST_CASE("Hermite coefficients are the integrals they stand for") {
  constexpr std::size_t degree = 64;
  for (const Activation& phi : kAll) {
    const HermiteExpander expander(phi, degree);
    for (const double n : {1e-3, 0.3, 1.0, 2.7, 6.0, 14.0, 80.0}) {
      for (const double ratio : {0.0, -0.02, 0.9, -2.2, -5.0, 7.0}) {
        const double mu = ratio * n;
        const HermiteSeries series = expander.expand(n, mu);
        const Reference expected = integrate(phi, n, mu, degree);
        const double tolerance = 1e-12 * (1 + std::sqrt(expected.second));
        CAPTURE(static_cast<int>(phi.kind));
        CAPTURE(n);
        CAPTURE(ratio);
        for (std::size_t k = 0; k <= degree; ++k) {
          CAPTURE(k);
          CHECK(std::fabs(series.c[k] - expected.c[k]) <= tolerance);
        }
        CHECK(std::fabs(series.second - expected.second) <= 1e-12 * (1 + expected.second));
      }
    }
  }
}

TEST_CASE("coefficients of high degree are the integrals they stand for") {
  constexpr std::size_t degree = 200;
  for (const Activation& phi : kAll) {
    const HermiteExpander expander(phi, degree);
    for (const auto& [n, mu] : {std::pair{1.3, -0.4}, std::pair{9.0, 4.0}}) {
      const HermiteSeries series = expander.expand(n, mu);
      const Reference expected = integrate(phi, n, mu, degree);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(n);
      for (std::size_t k = 0; k <= degree; ++k) {
        CAPTURE(k);
        // Simpson's rule, not the expansion, limits the bent ones here.
        CHECK(std::fabs(series.c[k] - expected.c[k]) <= (bent(phi) ? 1e-11 : 1e-12) * (1 + std::sqrt(expected.second)));
      }
    }
  }
}

TEST_CASE("coefficients do not depend on the degree at which the series ends") {
  for (const Activation& phi : kAll) {
    const HermiteExpander high(phi, 128);
    for (const std::size_t degree : {std::size_t{0}, std::size_t{2}, std::size_t{4}, std::size_t{32}}) {
      const HermiteExpander low(phi, degree);
      for (const double n : {0.5, 3.0, 40.0}) {
        const HermiteSeries a = low.expand(n, 0.7), b = high.expand(n, 0.7);
        REQUIRE(a.c.size() == degree + 1);
        for (std::size_t k = 0; k <= degree; ++k) CHECK(std::fabs(a.c[k] - b.c[k]) <= 1e-13 * (1 + std::sqrt(a.second)));
        CHECK(a.second == doctest::Approx(b.second).epsilon(1e-13));
      }
    }
  }
}

TEST_CASE("Parseval: coefficients and remainders add up to the second moment, by parity too") {
  for (const Activation& phi : kAll) {
    for (const std::size_t degree : {std::size_t{8}, kSearchDegree, std::size_t{128}}) {
      const HermiteExpander expander(phi, degree), long_expander(phi, 600);
      for (const auto& [n, mu] : {std::pair{1.0, 0.0}, std::pair{0.01, 0.5}, std::pair{2.0, -1.5}, std::pair{25.0, 30.0}}) {
        const HermiteSeries series = expander.expand(n, mu), longer = long_expander.expand(n, mu);
        const double tails = series.even_tail * series.even_tail + series.odd_tail * series.odd_tail;
        CAPTURE(static_cast<int>(phi.kind));
        CAPTURE(n);
        CHECK(energy(series.c) + tails == doctest::Approx(series.second).epsilon(1e-13));
        for (std::size_t parity = 0; parity < 2; ++parity) {
          double known = 0;
          for (std::size_t k = degree + 2 - parity; k < longer.c.size(); k += 2) known += longer.c[k] * longer.c[k];
          const double tail = parity == 0 ? series.even_tail : series.odd_tail;
          const double beyond = parity == 0 ? longer.even_tail : longer.odd_tail;
          CHECK(std::fabs(tail * tail - known - beyond * beyond) <= 1e-13 * series.second);
        }
      }
    }
  }
}

TEST_CASE("expansions survive every scale") {
  for (const Activation& phi : kAll) {
    CAPTURE(static_cast<int>(phi.kind));
    const HermiteExpander expander(phi, kSearchDegree);
    for (const double n : {0.0, 5e-324, 1e-30, 1e-8, 1.0, 1e4, 1e8, 1e30}) {
      for (const double mu : {0.0, -1e-40, 1e-10, 1.0, -1.0, 20.0, -300.0, 1e20}) {
        const HermiteSeries series = expander.expand(n, mu);
        CAPTURE(n);
        CAPTURE(mu);
        CHECK(std::isfinite(series.second));
        CHECK(series.second >= 0);
        const double tails = series.even_tail * series.even_tail + series.odd_tail * series.odd_tail;
        CHECK(energy(series.c) + tails == doctest::Approx(series.second).epsilon(1e-12));
        CHECK(kernel(series, series, n > 0 ? 1 : 0) == doctest::Approx(series.second).epsilon(1e-12));
      }
    }
    const HermiteSeries constant = expander.expand(0, 0.75);
    CHECK(constant.c[0] == phi(0.75));
    CHECK(std::all_of(constant.c.begin() + 1, constant.c.end(), [](double c) { return c == 0; }));
    CHECK((constant.even_tail == 0 && constant.odd_tail == 0));
    CHECK(std::isnan(expander.expand(INFINITY, 0).second));
    CHECK(std::isnan(expander.expand(1, NAN).c[3]));
  }
  CHECK_THROWS_AS(HermiteExpander({ActivationKind::Relu}, 7), std::invalid_argument);
}

TEST_CASE("far from its bend ReLU keeps its relative accuracy") {
  const HermiteExpander expander({ActivationKind::Relu}, 200);
  // E[(t − a)₊²] from 40-digit arithmetic.
  for (const auto& [ratio, second] : {std::pair{-2.5, 1.1993223779556366e-3}, std::pair{-4.0, 3.0902081034972542e-6},
                                      std::pair{-8.0, 1.8075064471458499e-17}, std::pair{-30.0, 1.0843724873983491e-200}}) {
    CAPTURE(ratio);
    CHECK(expander.expand(3, 3 * ratio).second == doctest::Approx(9 * second).epsilon(1e-12));
  }
  for (const double ratio : {-39.9, -40.1, 39.9, 40.1, 1e5, -1e5}) {
    const HermiteSeries series = expander.expand(1, ratio);
    CHECK(series.c[0] == doctest::Approx(std::max(0.0, ratio)).epsilon(1e-12));
    CHECK(series.second == doctest::Approx(ratio > 0 ? ratio * ratio + 1 : 0).epsilon(1e-12));
    for (std::size_t k = 2; k < series.c.size(); ++k) CHECK(std::fabs(series.c[k]) < 1e-100);
  }
}

TEST_CASE("scaling a homogeneous neuron scales its series, at extreme scales too") {
  for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::LeakyRelu, 0.3}}) {
    const HermiteExpander expander(phi, kSearchDegree);
    const HermiteSeries one = expander.expand(1.5, -0.8);
    for (const double scale : {0x1p-100, 0x1p-10, 0x1p100}) {
      const HermiteSeries scaled = expander.expand(scale * 1.5, scale * -0.8);
      for (std::size_t k = 0; k < one.c.size(); ++k) CHECK(scaled.c[k] == scale * one.c[k]);
      CHECK(scaled.second == scale * scale * one.second);
    }
  }
}

TEST_CASE("ReLU's kernel is the arc-cosine kernel") {
  // Measured 5.1e-9 (degree 16), 2.1e-9 (32), 7.7e-10 (64) and 2.8e-10 (128) at the largest |ρ| that the series has to itself;
  // the closed form above it is good to 1e-15.
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
  for (const Activation& phi : kAll) {
    const HermiteExpander expander(phi, kSearchDegree);
    for (const double n : {0.5, 4.0, 30.0}) {
      // φ(s) φ(−s) for s ~ N(μ, n²), by a fine grid.
      const double mu = 0.4 * n;
      double expected = 0;
      for (double t = -13; t <= 13; t += 1e-4) {
        const double s = n * t + mu;
        expected += 1e-4 * naive(phi, s) * naive(phi, -s) * std::exp(-t * t / 2) / std::sqrt(2 * std::numbers::pi);
      }
      const HermiteSeries series = expander.expand(n, mu), mirror = expander.expand(n, -mu);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(n);
      CHECK(std::fabs(kernel(series, mirror, -1) - expected) <= 1e-7 * std::sqrt(series.second * mirror.second));
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
  for (const Activation& phi : kAll) {
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
