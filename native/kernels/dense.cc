#include "kernels/dense.h"

#include <algorithm>

#include "kernels/gram.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kBatch = 256;  // rows a thread takes at a time

// out = x wᵀ + bias
void linear(ConstMatrix x, const Matrix& w, const double* bias, MutMatrix out) {
  cross_gram(Job(), x, w.view(), out);
  if (!bias) return;
  for (std::size_t i = 0; i < out.rows; ++i)
    for (std::size_t j = 0; j < out.cols; ++j) out(i, j) += bias[j];
}

}  // namespace

void dense(const Job& job, const Activation& activation, ConstMatrix x, const StoredMatrix& weight, const double* bias,
           const DenseGate* gate, MutMatrix y) {
  const Matrix w = load_neurons(weight), g = gate ? load_neurons(gate->weight) : Matrix();
  parallel_for(job, x.rows, kBatch, [&](std::size_t begin, std::size_t end) {
    Matrix active(end - begin, x.cols);
    for (std::size_t i = begin; i < end; ++i)
      std::transform(x.row(i), x.row(i) + x.cols, active.row(i - begin), [&](double v) { return activation(v); });
    const MutMatrix out = y.rows_from(begin, end);
    linear(active.view(), w, bias, out);
    if (!gate) return;
    Matrix open(out.rows, out.cols);
    linear(active.view(), g, gate->bias, open.view());
    for (std::size_t i = 0; i < out.rows; ++i)
      for (std::size_t j = 0; j < out.cols; ++j) out(i, j) *= gate->activation(open(i, j));
  });
}

}  // namespace herm
