// One fully connected layer: what networks are evaluated with, layer by layer.
#pragma once

#include "kernels/activation.h"
#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

// A second layer of the same sizes whose activated output multiplies the first's, as gated blocks have it.
struct DenseGate {
  Activation activation;  // ψ
  StoredMatrix weight;    // G
  const double* bias;     // g [m], or null
};

// y [batch×m] = φ(x) Wᵀ + b, x [batch×n]: the activation acts on what comes in, so that a chain of layers needs no
// buffer of its own between them. W has m neurons of width n; bias [m] may be null. With a gate (which may be null) it
// is ψ(φ(x) Gᵀ + g) ∘ (φ(x) Wᵀ + b).
void dense(const Job& job, const Activation& activation, ConstMatrix x, const StoredMatrix& weight, const double* bias,
           const DenseGate* gate, MutMatrix y);

}  // namespace herm
