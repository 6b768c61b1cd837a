#include "kernels/sample_fit.h"

#include <cmath>
#include <functional>
#include <stdexcept>

#include "kernels/activation_functions.h"
#include "kernels/compensated_sum.h"
#include "kernels/error.h"
#include "kernels/gram.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kSamples = 2048;  // whose values are in memory at a time
constexpr std::size_t kRows = 16;       // neurons that a thread takes at a time

// W Xᵀ + b [k×N]
Matrix linear(const Job& job, ConstMatrix weights, const double* bias, ConstMatrix inputs) {
  Matrix out(weights.rows, inputs.rows);
  cross_gram(job, weights, inputs, out.view());
  if (!bias) return out;
  for (std::size_t i = 0; i < out.rows(); ++i)
    for (std::size_t t = 0; t < out.cols(); ++t) out(i, t) += bias[i];
  return out;
}

// The neurons' values [k×N].
Matrix values_of(const Job& job, const Activation& activation, const BlockNeurons& neurons, ConstMatrix inputs) {
  Matrix values = linear(job, neurons.input, neurons.bias, inputs);
  const Matrix gates = neurons.gated() ? linear(job, neurons.gate, neurons.gate_bias, inputs) : Matrix();
  parallel_for(job, values.rows(), kRows, [&](std::size_t begin, std::size_t end) {
    with_activation(activation, [&](const auto& phi) {
      for (std::size_t i = begin; i < end; ++i) {
        double* row = values.row(i);
        for (std::size_t t = 0; t < values.cols(); ++t)
          row[t] = neurons.gated() ? phi(gates(i, t)) * row[t] : phi(row[t]);
      }
    });
  });
  return values;
}

// Calls visit(values [k×c], targets [c×p]) for all samples, a piece at a time.
void for_each_piece(const Job& job, const Activation& activation, const BlockNeurons& neurons,
                    const FitSamples& samples, const std::function<void(const Matrix&, ConstMatrix)>& visit) {
  const auto& x = samples.inputs;
  for (std::size_t begin = 0; begin < x.rows; begin += kSamples) {
    job.check();
    const std::size_t end = std::min(x.rows, begin + kSamples);
    Matrix inputs(end - begin, x.cols);
    for (std::size_t t = begin; t < end; ++t) std::copy_n(x.row(t), x.cols, inputs.row(t - begin));
    visit(values_of(job, activation, neurons, inputs.view()), samples.targets.rows_from(begin, end));
  }
}

void add(Matrix& to, const Matrix& what, double factor) {
  for (std::size_t i = 0; i < to.rows(); ++i)
    for (std::size_t j = 0; j < to.cols(); ++j) to(i, j) += factor * what(i, j);
}

double require_finite_number(double value) {
  if (std::isfinite(value)) return value;
  throw KernelError("NON_FINITE", "the samples, or what the block makes of them, are not finite numbers");
}

}  // namespace

void FitSamples::check(std::size_t n, std::size_t p) const {
  const bool fits = inputs.rows > 0 && inputs.cols == n && targets.rows == inputs.rows && targets.cols == p;
  if (!fits) throw std::invalid_argument("the samples do not fit the block");
  if (!(blend >= 0 && blend <= 1)) throw std::invalid_argument("the blend is not from 0 to 1");
}

NormalEquations normal_equations(const Job& job, const Activation& activation, const BlockNeurons& neurons,
                                 const FitSamples& samples) {
  const std::size_t k = neurons.input.rows, p = samples.targets.cols;
  NormalEquations sums{Matrix(k, k), Matrix(k, p)};
  Matrix gram_part(k, k), cross_part(k, p);
  const double factor = 1 / static_cast<double>(samples.inputs.rows);
  for_each_piece(job, activation, neurons, samples, [&](const Matrix& values, ConstMatrix targets) {
    gram(job, values.view(), gram_part.view());
    multiply(job, values.view(), targets, cross_part.view());
    add(sums.gram, gram_part, factor);
    add(sums.cross, cross_part, factor);
  });
  for (std::size_t i = 0; i < k; ++i) require_finite_number(sums.gram(i, i));
  return sums;
}

double SampleError::relative() const { return norm > 0 ? std::sqrt(distance / norm) : 0; }

SampleError sample_error(const Job& job, const Activation& activation, const BlockNeurons& neurons,
                         const FitSamples& samples) {
  CompensatedSum norm, distance;
  for_each_piece(job, activation, neurons, samples, [&](const Matrix& values, ConstMatrix targets) {
    Matrix turned(values.cols(), values.rows()), outputs(targets.rows, targets.cols);
    for (std::size_t i = 0; i < values.rows(); ++i)
      for (std::size_t t = 0; t < values.cols(); ++t) turned(t, i) = values(i, t);
    multiply(job, turned.view(), neurons.output, outputs.view());
    for (std::size_t t = 0; t < targets.rows; ++t) {
      for (std::size_t c = 0; c < targets.cols; ++c) {
        const double y = targets(t, c), miss = y - outputs(t, c);
        norm.add(y * y);
        distance.add(miss * miss);
      }
    }
  });
  const auto n = static_cast<double>(samples.inputs.rows);
  return {require_finite_number(norm.value() / n), require_finite_number(distance.value() / n)};
}

double sample_trace(const Job& job, const Activation& activation, const BlockNeurons& neurons,
                    const FitSamples& samples) {
  CompensatedSum trace;
  for_each_piece(job, activation, neurons, samples, [&](const Matrix& values, ConstMatrix) {
    for (std::size_t i = 0; i < values.rows(); ++i)
      for (std::size_t t = 0; t < values.cols(); ++t) trace.add(values(i, t) * values(i, t));
  });
  return require_finite_number(trace.value() / static_cast<double>(samples.inputs.rows));
}

}  // namespace herm
