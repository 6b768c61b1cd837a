#include "kernels/dense.h"

#include <algorithm>

#include "kernels/gram.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kBatch = 256;   // rows of a product
constexpr std::size_t kNeurons = 64;  // neurons whose weights a thread widens at a time

// φ(x), row by row.
Matrix activated(const Job& job, const Activation& activation, ConstMatrix x) {
  Matrix active(x.rows, x.cols);
  parallel_for(job, x.rows, kBatch, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      std::transform(x.row(i), x.row(i) + x.cols, active.row(i), [&](double v) { return activation(v); });
  });
  return active;
}

// out = x wᵀ + bias
void linear(ConstMatrix x, ConstMatrix w, const double* bias, MutMatrix out) {
  cross_gram(Job(), x, w, out);
  if (!bias) return;
  for (std::size_t i = 0; i < out.rows; ++i)
    for (std::size_t j = 0; j < out.cols; ++j) out(i, j) += bias[j];
}

// Neurons [begin, end) as rows.
Matrix some_neurons(const StoredMatrix& weight, std::size_t begin, std::size_t end) {
  Matrix some(end - begin, weight.width());
  load_neurons(weight, begin, end, some.view());
  return some;
}

const double* from(const double* bias, std::size_t begin) { return bias ? bias + begin : nullptr; }

}  // namespace

void dense(const Job& job, const Activation& activation, ConstMatrix x, const StoredMatrix& weight, const double* bias,
           const DenseGate* gate, MutMatrix y) {
  const Matrix active = activated(job, activation, x);
  // By neurons, not by rows: a single row keeps all threads busy, and no weights are widened twice or all at once.
  parallel_for(job, weight.neurons(), kNeurons, [&](std::size_t begin, std::size_t end) {
    const Matrix w = some_neurons(weight, begin, end);
    const Matrix g = gate ? some_neurons(gate->weight, begin, end) : Matrix();
    for (std::size_t row = 0; row < x.rows; row += kBatch) {
      const std::size_t last = std::min(row + kBatch, x.rows);
      const ConstMatrix in = active.view().rows_from(row, last);
      const MutMatrix out(y.row(row) + begin, last - row, end - begin, y.stride);
      linear(in, w.view(), from(bias, begin), out);
      if (!gate) continue;
      Matrix open(out.rows, out.cols);
      linear(in, g.view(), from(gate->bias, begin), open.view());
      for (std::size_t i = 0; i < out.rows; ++i)
        for (std::size_t j = 0; j < out.cols; ++j) out(i, j) *= gate->activation(open(i, j));
    }
  });
}

}  // namespace herm
