// A merge's output side: what both children's functions become on one parent (docs/theory.md, section 4).
#pragma once

#include <array>
#include <cstddef>

#include "kernels/pair.h"

namespace herm {

// A mixture must beat absorbing by more than rounding noise of the pair's energy.
constexpr double kMergeNoise = 1e-12;

struct Projection {
  double cost;                 // infinite where β cannot be stored
  std::array<double, 2> beta;  // v_p = Σ β_k v_k, half-precision numbers
};

// Onto a parent with the kernel values Φ_kp and Φ_pp = `second`.
Projection project_on(const Sym2& phi, const Sym2& output, const std::array<double, 2>& cross, double second);

// Onto child `kept`. Where β leaves half precision the other child is dropped, which can always be stored.
Projection project_on_child(const Sym2& phi, const Sym2& output, std::size_t kept);

}  // namespace herm
