// The closed forms of very many pairs of neurons, in vector registers: structural components' shares and angles, and
// gates, from the entries of two Gram matrices. The same bits on every CPU.
#pragma once

#include <array>
#include <cstddef>

#include "kernels/pair.h"

namespace herm {

constexpr std::size_t kPairBatch = 256;  // pairs; a multiple of every vector's length

// Gram entries of up to kPairBatch pairs, entry by entry.
struct PairBatch {
  using Row = std::array<double, kPairBatch>;

  std::size_t size = 0;
  Row in11{}, in12{}, in22{};     // input side
  Row out11{}, out12{}, out22{};  // output side

  Sym2 input(std::size_t k) const { return {in11[k], in12[k], in22[k]}; }
  Sym2 output(std::size_t k) const { return {out11[k], out12[k], out22[k]}; }
};

// SCA of pairs.
struct BatchShares {
  std::array<PairBatch::Row, 2> shares, angles;
};

// From Gram entries of neurons scaled to ‖input‖² + ‖output‖² = 1. NaN where the result would lose more than four
// digits or so: parallel parts; and for a neuron whose entries are NaN.
void batch_shares(const PairBatch& pairs, BatchShares& result);

// σ_1 >= σ_2 of each pair from trace and determinants, NaN where these keep less than twelve digits.
void batch_gates(const PairBatch& pairs, std::array<PairBatch::Row, 2>& gates);

}  // namespace herm
