#include "kernels/hermite_quadrature.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/activation_functions.h"
#include "kernels/gauss_legendre.h"
#include "kernels/normal_moments.h"
#include "kernels/simd.h"

namespace herm {

namespace {

// Nodes are taken in groups of this many, one lane each.
constexpr std::size_t kLanes = 16;

// e^{−t²/4} is below double precision's resolution here, and e^{−t²/4} h_k(t) is bounded for every k: nothing lies
// beyond.
constexpr double kReach = 12.25;

// More nodes than this cost more than panels do.
constexpr double kMaxUniformNodes = 240;

// A rule with what an expansion needs at its nodes.
struct Rule : MirroredRule {
  std::vector<double> even, odd;  // weight·(φ(s) ± φ(s′)) with s = n t + μ and its mirror image s′ = −n t + μ
  std::vector<double> sums;       // [D+1][kLanes]
};

void add(MirroredRule& rule, double node, double weight) {
  rule.t.push_back(node);
  rule.weight.push_back(weight * kInvSqrt2Pi * std::exp(-0.5 * node * node));
}

// The frequencies up to which the grid resolves φ(nt + μ) h_k(t) e^{−t²/2}: h_k reaches √k, the Gaussian 8, and φ's
// spectrum falls as e^{−ω radius/n}.
double bandwidth(std::size_t degree, double bend) { return std::sqrt(static_cast<double>(degree)) + 8.5 + 34 / bend; }

void uniform_rule(double band, MirroredRule& rule) {
  const double step = 2 * std::numbers::pi / band;
  const auto count = static_cast<std::size_t>(kReach / step) + 1;
  const std::size_t padded = (count + kLanes - 1) / kLanes * kLanes;
  for (std::size_t q = 0; q < padded; ++q) add(rule, (static_cast<double>(q) + 0.5) * step, step);
}

void add_panel(double begin, double end, MirroredRule& rule) {
  const double centre = 0.5 * (begin + end), half = 0.5 * (end - begin);
  for (std::size_t q = 0; q < kGaussNode.size(); ++q) {
    add(rule, centre - half * kGaussNode[q], half * kGaussWeight[q]);
    add(rule, centre + half * kGaussNode[q], half * kGaussWeight[q]);
  }
}

// Panels of at most `width` over [begin, end].
void fill_panels(double begin, double end, double width, MirroredRule& rule) {
  if (!(end > begin)) return;
  const auto count = static_cast<std::size_t>(std::ceil((end - begin) / width));
  const double step = (end - begin) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    add_panel(begin + step * static_cast<double>(i), begin + step * static_cast<double>(i + 1), rule);
  }
}

// Panels over [0, kReach] that end at the knots' |t| ± bend·{0, 2, 8, 32}; a pole at t ± i·bend then leaves errors
// below 1e-15, and at 32 radii φ has become its own asymptote.
void panel_rule(std::size_t degree, const std::array<double, 2>& knots, double bend, MirroredRule& rule) {
  const double width = std::min(1.75, 17 / std::sqrt(static_cast<double>(degree) + 1));
  constexpr std::array<double, 7> kGrades{-32, -8, -2, 0, 2, 8, 32};
  std::array<double, kGrades.size() * 2> ends;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    ends[i] = std::clamp(std::fabs(knots[i % 2]) + kGrades[i / 2] * bend, 0.0, kReach);
  }
  std::sort(ends.begin(), ends.end());
  double begin = 0;
  for (const double end : ends) {
    fill_panels(begin, end, width, rule);
    begin = end;
  }
  fill_panels(begin, kReach, width, rule);
}

// sums[k][l] = Σ over lane l's nodes of (even or odd)·h_k(t), by the parity of k.
template <std::size_t Width>
inline __attribute__((always_inline)) void project_lanes(const HermiteBasis& basis, Rule& rule) {
  using T = typename VectorOf<Width>::type;
  constexpr std::size_t kVectors = kLanes / Width;
  const double* alpha = basis.alpha();
  const double* beta = basis.beta();
  for (std::size_t q = 0; q < rule.t.size(); q += kLanes) {
    T before[kVectors], current[kVectors], node[kVectors], side[2][kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) {
      before[v] = T{};
      current[v] = T{} + 1.0;
      node[v] = load_lanes<T>(&rule.t[q + v * Width]);
      side[0][v] = load_lanes<T>(&rule.even[q + v * Width]);
      side[1][v] = load_lanes<T>(&rule.odd[q + v * Width]);
    }
    // Two degrees at a time: the newer polynomial takes the older one's place. The last degree is even.
    for (std::size_t k = 0;; k += 2) {
      double* sum = &rule.sums[k * kLanes];
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        store_lanes(T(load_lanes<T>(&sum[v * Width]) + side[0][v] * current[v]), &sum[v * Width]);
        before[v] = alpha[k] * node[v] * current[v] - beta[k] * before[v];
      }
      if (k == basis.degree()) break;
      sum += kLanes;
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        store_lanes(T(load_lanes<T>(&sum[v * Width]) + side[1][v] * before[v]), &sum[v * Width]);
        current[v] = alpha[k + 1] * node[v] * before[v] - beta[k + 1] * current[v];
      }
    }
  }
}

HERM_WIDE void project_wide(const HermiteBasis& basis, Rule& rule) { project_lanes<kWideWidth>(basis, rule); }

void project(const HermiteBasis& basis, Rule& rule) {
  rule.sums.assign((basis.degree() + 1) * kLanes, 0.0);
  if (use_wide()) {
    project_wide(basis, rule);
  } else {
    project_lanes<kBaselineWidth>(basis, rule);
  }
}

double lane_sum(const double* lanes) {
  double sum[4];
  for (std::size_t l = 0; l < 4; ++l) sum[l] = (lanes[l] + lanes[l + 4]) + (lanes[l + 8] + lanes[l + 12]);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// Values of φ at the rule's nodes, and the moments that need no Hermite polynomial.
template <class Function>
ParityMoments evaluate(const Function& phi, double n, double mu, Rule& rule) {
  const std::size_t count = rule.t.size();
  rule.even.resize(count);
  rule.odd.resize(count);
  double second[kLanes] = {}, mirrored[kLanes] = {};
  for (std::size_t q = 0; q < count; q += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const double x = n * rule.t[q + l], w = rule.weight[q + l];
      const double right = phi(mu + x), left = phi(mu - x);
      rule.even[q + l] = w * (right + left);
      rule.odd[q + l] = w * (right - left);
      second[l] += w * (right * right + left * left);
      mirrored[l] += 2 * w * (right * left);
    }
  }
  return {lane_sum(second), lane_sum(mirrored)};
}

}  // namespace

void mirrored_rule(const Activation& activation, std::size_t degree, double n, double mu, MirroredRule& rule) {
  rule.t.clear();
  rule.weight.clear();
  const ActivationShape shape = activation.shape();
  const double bend = shape.radius / n;
  const double band = bandwidth(degree, bend);
  if (!shape.broken && band * kReach <= kMaxUniformNodes * 2 * std::numbers::pi) {
    uniform_rule(band, rule);
  } else {
    panel_rule(degree, {(shape.knots[0] - mu) / n, (shape.knots[1] - mu) / n}, std::min(bend, kReach), rule);
  }
}

ParityMoments expand_by_quadrature(const Activation& activation, const HermiteBasis& basis, double n, double mu,
                                   double* c) {
  thread_local Rule rule;
  mirrored_rule(activation, basis.degree(), n, mu, rule);
  const ParityMoments moments =
      with_activation(activation, [&](const auto& phi) { return evaluate(phi, n, mu, rule); });
  project(basis, rule);
  for (std::size_t k = 0; k <= basis.degree(); ++k) c[k] = lane_sum(&rule.sums[k * kLanes]);
  return moments;
}

}  // namespace herm
