// Gated interaction decomposition: what a group of neurons computes, T = Σ_k v_k⊗φ_k, as a sum of orthogonal terms
// a_l⊗ψ_l of sizes σ_l, from the input Gram Φ and the output Gram H alone (docs/theory.md, section 3).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/job.h"
#include "kernels/matrix_view.h"
#include "kernels/pair.h"
#include "kernels/pair_batch.h"

namespace herm {

// The upper triangular [a b; 0 c], a, c >= 0, of a pair's Gram matrix G = RᵀR; c = 0 where the pair is parallel.
struct Factor2 {
  double a = 0, b = 0, c = 0;
};

// From a Gram matrix, of any scale. Knows 1 − ρ² to about ε, so it calls the pair parallel at 1 − ρ² <= 16 ε.
Factor2 factor_gram(const Sym2& gram);
// From the two vectors [dim]: sees angles down to dim·ε.
Factor2 factor_vectors(const double* first, const double* second, std::size_t dim);

// Neuron k is (φ_k, v_k); ψ_l = Σ_k input_mixing[l][k] φ_k and a_l = Σ_k output_mixing[l][k] v_k. With M the input
// mixing, the output mixing is M⁻ᵀ at rank 2; rows beyond the rank are zero. The neuron that counts most in ψ_l counts
// positive.
struct GidPair {
  std::size_t rank = 0;
  std::array<double, 2> gates{};  // σ_1 >= σ_2 >= 0
  std::array<std::array<double, 2>, 2> input_mixing{};
  std::array<std::array<double, 2>, 2> output_mixing{};
};

// σ_1 >= σ_2 >= 0 alone.
std::array<double, 2> gid_gates(const Factor2& phi, const Factor2& h);

GidPair gid_pair(const Factor2& phi, const Factor2& h);

struct Gid {
  std::size_t rank = 0;       // r
  std::vector<double> gates;  // [g], descending, zero beyond the rank
  Matrix input_mixing;        // M [r×g]
  Matrix output_mixing;       // [r×g], M⁻ᵀ at full rank: input_mixing · output_mixingᵀ = 1
};

// GidPair for a group of any size, from Φ and H [g×g] (positive semidefinite up to rounding). Gates are good to
// g·ε·σ_1; those of a pair to a few ε of themselves, given Φ and H. Throws KernelError NON_FINITE.
Gid gid(const Job& job, ConstMatrix phi, ConstMatrix h);

// A pair's as a group's.
Gid to_gid(const GidPair& pair);

// The gates [g] alone.
std::vector<double> gate_spectrum(const Job& job, ConstMatrix phi, ConstMatrix h);

// σ_1 >= σ_2 >= 0 of each pair of a batch, from Φ (input side) and H (output side): from trace and determinants where
// these keep at least twelve digits, by factors where not.
void pair_gates(const PairBatch& pairs, std::array<PairBatch::Row, 2>& gates);

}  // namespace herm
