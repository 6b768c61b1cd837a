// What a merge would cost, quickly: the search ranks all pairs by this estimate and evaluates the operator only on the
// pairs that merge.
#pragma once

#include <vector>

#include "kernels/mixture.h"

namespace herm {

constexpr std::size_t kEstimateDegree = 12;

// A neuron's expansion to degree 12, what lies beyond gathered by parity as in HermiteSeries.
struct ShortSeries {
  std::array<double, kEstimateDegree + 1> c;
  double even_tail = 0;
  double odd_tail = 0;
};

ShortSeries shorten(const HermiteSeries& series);

class CostEstimate {
 public:
  CostEstimate(const Activation& activation, bool has_bias);

  // Between both of the bounds below. Mixtures count with a kernel of degree 12, absorption exactly.
  double operator()(const PairView& pair, const ShortSeries& first, const ShortSeries& second) const;

  // σ_2² and the cheaper absorption, from Gram entries alone.
  static double lower(const Sym2& phi, const Sym2& output) { return sigma2_squared(phi, output); }
  static double upper(const Sym2& phi, const Sym2& output);

 private:
  // The second moment is returned.
  double expand(double n, double mu, ShortSeries& out) const;

  HermiteExpander expander_;
  bool has_bias_;
  std::vector<double> nodes_;   // Gauss-Hermite nodes t_q [Q], symmetric about 0
  std::vector<double> basis_;   // weight_q h_k(t_q) [Q×13]
};

}  // namespace herm
