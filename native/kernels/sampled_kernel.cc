#include "kernels/sampled_kernel.h"

#include <cmath>
#include <numeric>
#include <stdexcept>

#include "kernels/activation_functions.h"
#include "kernels/error.h"
#include "kernels/gram.h"
#include "kernels/neuron_pairs.h"
#include "kernels/row_loops.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 16;  // that a thread takes at a time

}  // namespace

SampledKernel::SampledKernel(const Job& job, const Activation& activation, const StoredBlock& block,
                             const InputSamples& samples)
    : activation_(activation),
      gated_(block.has_gate),
      rows_(block.input.neurons()),
      count_(samples.inputs.rows),
      values_(checked_mul(rows_, count_)),
      second_(rows_),
      place_(2 * rows_),
      blend_(samples.blend) {
  if (count_ == 0 || samples.inputs.cols != block.input.width())
    throw std::invalid_argument("the samples do not fit the block's inputs");
  if (!(blend_ >= 0 && blend_ <= 1)) throw std::invalid_argument("the blend is not from 0 to 1");
  std::iota(place_.begin(), place_.end(), 0);
  std::vector<std::pair<StoredMatrix, std::vector<double>>> sides;
  if (gated_) sides.emplace_back(block.gate, load_biases(block.has_gate_bias, block.gate_bias, rows_));
  sides.emplace_back(block.input, load_biases(block.has_bias, block.bias, rows_));
  for (std::size_t k = 0; k < sides.size(); ++k) {
    branches_.emplace_back(checked_mul(rows_, count_));
    fill(job, sides[k].first, sides[k].second, samples.inputs, branch(k));
  }
  parallel_for(job, rows_, kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      float* out = values_.data() + i * count_;
      for_each_value(i, i, {{{{1, 0}}, {{1, 0}}}}, [&](std::size_t t, double x) { out[t] = static_cast<float>(x); });
      second_[i] = dot_rows(out, out, count_) / static_cast<double>(count_);
    }
  });
  for (const double second : second_) {
    if (!std::isfinite(second))
      throw KernelError("NON_FINITE", "the samples, or what the block makes of them, are not finite numbers");
  }
}

// out [m×N] = W Xᵀ + b
void SampledKernel::fill(const Job& job, const StoredMatrix& weights, const std::vector<double>& bias,
                         MatrixView<const float> inputs, MatrixView<float> out) const {
  const Matrix wide = load_neurons(weights);
  const std::vector<float> rows(wide.data(), wide.data() + checked_mul(wide.rows(), wide.cols()));
  cross_gram(job, MatrixView<const float>(rows.data(), wide.rows(), wide.cols()), inputs, out);
  for (std::size_t i = 0; i < out.rows; ++i) {
    const auto own = static_cast<float>(bias[i]);
    for (std::size_t t = 0; t < out.cols; ++t) out(i, t) += own;
  }
}

void SampledKernel::match(const std::vector<double>& gaussian) {
  const double own = std::accumulate(second_.begin(), second_.end(), 0.0);
  const double other = std::accumulate(gaussian.begin(), gaussian.end(), 0.0);
  sampled_ = 1 - blend_;
  // Where all neurons are silent on the samples, the prior alone tells them apart.
  gaussian_ = blend_ * (own > 0 && other > 0 ? own / other : 1);
}

void SampledKernel::reorder(const std::vector<std::uint32_t>& order) {
  std::copy(order.begin(), order.end(), place_.begin());
}

double SampledKernel::cross(std::size_t a, std::size_t b) const {
  return dot_rows(values_.data() + place_[a] * count_, values_.data() + place_[b] * count_, count_) /
         static_cast<double>(count_);
}

template <class Visitor>
void SampledKernel::for_each_value(std::size_t a, std::size_t b, const BranchMixes& mixes, Visitor&& visit) const {
  const auto mixed = [&](std::size_t k, std::size_t t) {
    const auto& [alpha, offset] = mixes[k];
    return alpha[0] * static_cast<double>(pre(k, a)[t]) + alpha[1] * static_cast<double>(pre(k, b)[t]) + offset;
  };
  with_activation(activation_, [&](const auto& phi) {
    for (std::size_t t = 0; t < count_; ++t) visit(t, gated_ ? phi(mixed(0, t)) * mixed(1, t) : phi(mixed(0, t)));
  });
}

ParentKernel SampledKernel::parent(std::size_t a, std::size_t b, const BranchMixes& mixes) const {
  const float *first = values_.data() + place_[a] * count_, *second = values_.data() + place_[b] * count_;
  ParentKernel sums{{0, 0}, 0};
  for_each_value(a, b, mixes, [&](std::size_t t, double x) {
    sums.cross[0] += x * static_cast<double>(first[t]);
    sums.cross[1] += x * static_cast<double>(second[t]);
    sums.second += x * x;
  });
  const auto n = static_cast<double>(count_);
  return {{sums.cross[0] / n, sums.cross[1] / n}, sums.second / n};
}

void SampledKernel::merge(std::size_t p, std::size_t a, std::size_t b, const BranchMixes& mixes) {
  const std::uint32_t to = place_[a];
  place_[p] = to;
  // Sample by sample, so that the children are read before the parent is written over one of them.
  float* out = values_.data() + to * count_;
  for_each_value(a, b, mixes, [&](std::size_t t, double x) { out[t] = static_cast<float>(x); });
  for (std::size_t k = 0; k < (gated_ ? 2U : 1U); ++k) {
    const double x = mixes[k].alpha[0], y = mixes[k].alpha[1];
    const float *first = pre(k, a), *second = pre(k, b);
    float* row = branches_[k].data() + to * count_;
    for (std::size_t t = 0; t < count_; ++t) {
      row[t] =
          static_cast<float>(x * static_cast<double>(first[t]) + y * static_cast<double>(second[t]) + mixes[k].offset);
    }
  }
  second_[to] = dot_rows(out, out, count_) / static_cast<double>(count_);
}

ParentKernel SampledPair::blend(const ParentKernel& gaussian, const BranchMixes& mixes) const {
  const ParentKernel sampled = kernel->parent(first, second, mixes);
  return {{kernel->blend(sampled.cross[0], gaussian.cross[0]), kernel->blend(sampled.cross[1], gaussian.cross[1])},
          kernel->blend(sampled.second, gaussian.second)};
}

}  // namespace herm
