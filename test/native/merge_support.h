// What every merge tree must hold.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

#include "kernels/half.h"
#include "kernels/merge.h"

namespace oracle {

inline bool same(const herm::Merge& a, const herm::Merge& b) {
  return a.i == b.i && a.j == b.j && a.alpha == b.alpha && a.beta == b.beta && a.bias == b.bias && a.cost == b.cost &&
         a.gate_alpha == b.gate_alpha && a.gate_bias == b.gate_bias;
}

inline void check_same(const std::vector<herm::Merge>& a, const std::vector<herm::Merge>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t t = 0; t < a.size(); ++t) {
    CAPTURE(t);
    REQUIRE(same(a[t], b[t]));
  }
}

// m − 1 merges of living slots with finite numbers; no parent without children in it.
inline void check_forest(const std::vector<herm::Merge>& merges, std::size_t m) {
  REQUIRE(merges.size() == m - 1);
  std::set<std::uint32_t> dead;
  for (const herm::Merge& merge : merges) {
    CHECK(merge.i < merge.j);
    CHECK(merge.j < m);
    CHECK(dead.count(merge.i) == 0);
    CHECK(dead.insert(merge.j).second);
    CHECK(std::isfinite(merge.cost));
    CHECK(merge.cost >= 0);
    for (const auto& coefficients : {merge.alpha, merge.gate_alpha, merge.beta})
      for (const std::uint16_t half : coefficients) CHECK(std::isfinite(herm::from_half(half)));
    for (const auto& coefficients : {merge.alpha, merge.beta})
      CHECK((herm::from_half(coefficients[0]) != 0 || herm::from_half(coefficients[1]) != 0));
  }
}

}  // namespace oracle
