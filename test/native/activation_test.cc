#include "kernels/activation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <vector>

#include "activations.h"

using namespace herm;

namespace {

bool bent(const Activation& phi) { return !oracle::breaks(phi).empty(); }

struct Reference {
  std::vector<double> c;
  double second;
};

// ∫ over [−13, 13] on a very fine grid: the trapezoid rule, which converges exponentially for analytic integrands, or,
// between the ends of a bent one's pieces, the same after t = tanh(π/2 sinh u) (tanh-sinh quadrature).
Reference integrate(const Activation& phi, double n, double mu, std::size_t degree) {
  Reference result{std::vector<double>(degree + 1), 0};
  const auto add = [&](double t, double weight) {
    const double f = oracle::naive(phi, n * t + mu);
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
  std::vector<double> ends{-reach};
  for (const double x : oracle::breaks(phi)) ends.push_back(std::clamp((x - mu) / n, -reach, reach));
  ends.push_back(reach);
  const double step = 1.0 / 256;
  for (std::size_t e = 0; e + 1 < ends.size(); ++e) {
    const double half = 0.5 * (ends[e + 1] - ends[e]);
    for (double u = -3.6; u <= 3.6; u += step) {
      const double s = std::numbers::pi / 2 * std::sinh(u);
      const double weight = half * std::numbers::pi / 2 * std::cosh(u) / (std::cosh(s) * std::cosh(s)) * step;
      add(ends[e] + half * (1 + std::tanh(s)), weight);
    }
  }
  return result;
}

double energy(const std::vector<double>& c) {
  double sum = 0;
  for (const double x : c) sum += x * x;
  return sum;
}

}  // namespace

TEST_CASE("activations are what their names say") {
  for (const Activation& phi : oracle::kAll) {
    CAPTURE(static_cast<int>(phi.kind));
    for (double x = -6; x <= 6; x += 0.125) CHECK(phi(x) == doctest::Approx(oracle::naive(phi, x)).epsilon(1e-12));
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
  for (const Activation& phi : oracle::kAll) {
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
  for (const Activation& phi : oracle::kAll) {
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
  for (const Activation& phi : oracle::kAll) {
    const HermiteExpander expander(phi, degree);
    for (const auto& [n, mu] : {std::pair{1.3, -0.4}, std::pair{9.0, 4.0}}) {
      const HermiteSeries series = expander.expand(n, mu);
      const Reference expected = integrate(phi, n, mu, degree);
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(n);
      for (std::size_t k = 0; k <= degree; ++k) {
        CAPTURE(k);
        CHECK(std::fabs(series.c[k] - expected.c[k]) <= 1e-12 * (1 + std::sqrt(expected.second)));
      }
    }
  }
}

TEST_CASE("coefficients do not depend on the degree at which the series ends") {
  for (const Activation& phi : oracle::kAll) {
    const HermiteExpander high(phi, 128);
    for (const std::size_t degree : {std::size_t{0}, std::size_t{2}, std::size_t{4}, std::size_t{32}}) {
      const HermiteExpander low(phi, degree);
      for (const double n : {0.5, 3.0, 40.0}) {
        const HermiteSeries a = low.expand(n, 0.7), b = high.expand(n, 0.7);
        REQUIRE(a.c.size() == degree + 1);
        for (std::size_t k = 0; k <= degree; ++k)
          CHECK(std::fabs(a.c[k] - b.c[k]) <= 1e-13 * (1 + std::sqrt(a.second)));
        CHECK(a.second == doctest::Approx(b.second).epsilon(1e-13));
      }
    }
  }
}

TEST_CASE("Parseval: coefficients and remainders add up to the second moment, by parity too") {
  for (const Activation& phi : oracle::kAll) {
    for (const std::size_t degree : {std::size_t{8}, kSearchDegree, std::size_t{128}}) {
      const HermiteExpander expander(phi, degree), long_expander(phi, 600);
      for (const auto& [n, mu] :
           {std::pair{1.0, 0.0}, std::pair{0.01, 0.5}, std::pair{2.0, -1.5}, std::pair{25.0, 30.0}}) {
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
  for (const Activation& phi : oracle::kAll) {
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
  for (const auto& [ratio, second] :
       {std::pair{-2.5, 1.1993223779556366e-3}, std::pair{-4.0, 3.0902081034972542e-6},
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
