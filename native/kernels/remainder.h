// A merge as a refit sees it: what the other living neurons cannot take over (docs/theory.md, section 4.2).
#pragma once

#include <array>
#include <cstddef>

#include "kernels/pair.h"

namespace herm {

// A pair less its projection on the span of the other living neurons: φ the Gram matrix of what is left of both
// functions, `output` that of their refitted outputs.
struct Remainder {
  Sym2 phi, output;

  Remainder swapped() const { return {{phi.a22, phi.a12, phi.a11}, {output.a22, output.a12, output.a11}}; }
};

// A pair as the others leave it; without a remainder as it is.
template <class View>
View reduced(View pair, const Remainder* remainder) {
  if (!remainder) return pair;
  pair.phi = remainder->phi;
  pair.output = remainder->output;
  return pair;
}

// By how much the squared error of the refit grows where child `kept` alone stays: ‖c‖²/(Φ⁻¹) of the other one.
double loss_on_child(const Remainder& remainder, std::size_t kept);

// The same for a parent with the kernel values Φ_kp and Φ_pp = `second`; `phi` is the pair's whole Gram matrix. What
// the parent has beside its children's plane is taken to be nothing that the others know.
double loss_on(const Remainder& remainder, const Sym2& phi, const std::array<double, 2>& cross, double second);

}  // namespace herm
