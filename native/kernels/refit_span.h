// The refit of a block by its living neurons, kept up while they merge (docs/theory.md, section 4.2).
#pragma once

#include <cstddef>

#include "kernels/job.h"
#include "kernels/matrix_view.h"
#include "kernels/remainder.h"

namespace herm {

// k neurons with the kernel Φ, outputs C = P T with P = (Φ + ridge · diag Φ)⁻¹ and targets T_i = ⟨φ_i, f⟩. Neurons keep
// their index; a parent takes its first child's, and what has gone has rows of zeros. Loops run on job.threads(); the
// numbers do not depend on how many.
class RefitSpan {
 public:
  // Throws KernelError("NON_FINITE") where phi [k×k] or targets [k×p] are not finite.
  RefitSpan(const Job& job, Matrix phi, Matrix targets, double ridge);

  std::size_t size() const { return inverse_.rows(); }
  const Matrix& inverse() const { return inverse_; }  // P
  const Matrix& outputs() const { return outputs_; }  // C
  const Matrix& targets() const { return targets_; }  // T

  // What the others leave of a pair.
  Remainder remainder(std::size_t a, std::size_t b) const;
  // The same, where C Cᵀ of the pair is known.
  Remainder remainder(std::size_t a, std::size_t b, const Sym2& outputs) const;
  // By how much the squared error grows without this neuron: ‖c‖²/P_ii.
  double loss_without(std::size_t i) const;

  // Index a := a parent of a and b, b goes. phi [k] is the parent's kernel with all that live, both children included,
  // and phi_self that with itself. Its target is what the refit so far says, ⟨φ_p, Σ_i c_i φ_i⟩.
  void merge(std::size_t a, std::size_t b, const double* phi, double phi_self);

 private:
  void remove(std::size_t i);
  void add(std::size_t i, const double* phi, double phi_self);
  // to [p] += sign · Σ_r phi_r C_r
  void add_outputs(double* to, const double* phi, double sign) const;
  // P += sign · q qᵀ
  void rank_one(const double* q, double sign);

  Job job_;
  double ridge_;
  Matrix inverse_, outputs_, targets_;
};

}  // namespace herm
