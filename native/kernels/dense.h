// One fully connected layer: what networks are evaluated with, layer by layer.
#pragma once

#include "kernels/activation.h"
#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

// y [batch×m] = φ(x) Wᵀ + b, x [batch×n]: the activation acts on what comes in, so that a chain of layers needs no
// buffer of its own between them. W has m neurons of width n; bias [m] may be null.
void dense(const Job& job, const Activation& activation, ConstMatrix x, const StoredMatrix& weight, const double* bias,
           MutMatrix y);

}  // namespace herm
