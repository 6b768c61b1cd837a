// What a merge would cost, quickly: the search looks promising pairs up by this estimate, and evaluates the operator
// only on the pairs that merge.
#pragma once

#include "kernels/expansion_table.h"
#include "kernels/mixture.h"

namespace herm {

class CostEstimate {
 public:
  // `devs` [m]: the neurons' deviations, between which all parents' lie.
  CostEstimate(const Job& job, const Activation& activation, bool has_bias, const std::vector<double>& devs)
      : table_(job, activation, devs), has_bias_(has_bias) {}

  // Between both of the bounds below. Mixtures count with a kernel of degree 12, absorption exactly.
  double operator()(const PairView& pair, const ShortSeries& first, const ShortSeries& second) const;

  // σ_2² and the cheaper absorption, from Gram entries alone.
  static double lower(const Sym2& phi, const Sym2& output) {
    const double bound = sigma2_squared(phi, output);
    return bound >= 0 ? bound : 0;  // NaN where products overflow: searches sort by bounds, and NaN has no order
  }
  static double upper(const Sym2& phi, const Sym2& output) {
    const double cross = phi.a12 * phi.a12;
    const double second_into_first = output.a22 * (phi.a11 > 0 ? std::max(0.0, phi.a22 - cross / phi.a11) : phi.a22);
    const double first_into_second = output.a11 * (phi.a22 > 0 ? std::max(0.0, phi.a11 - cross / phi.a22) : phi.a11);
    return std::min(second_into_first, first_into_second);
  }

 private:
  ExpansionTable table_;
  bool has_bias_;
};

}  // namespace herm
