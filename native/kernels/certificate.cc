#include "kernels/certificate.h"

#include <cmath>
#include <stdexcept>

#include "kernels/block_kernel.h"
#include "kernels/error.h"

namespace herm {

namespace {

// Measured against degree 400 and Monte Carlo: 64 degrees predict relative errors to 4e-4 for tanh at deviation 4, to
// 2e-5 for GELU there, and for the piecewise linear activations exactly, as their kernel is closed near ρ = ±1.
constexpr std::size_t kCertificateDegree = 64;

double relative(double squared_distance, double squared_norm) {
  if (std::isnan(squared_distance)) {
    throw KernelError("NON_FINITE",
                      "the output weights of a skeleton are not finite in the precision that they are stored in");
  }
  return squared_norm > 0 ? std::sqrt(std::max(0.0, squared_distance) / squared_norm) : 0;
}

// Errors of a block's skeletons, under the prior, on samples or both.
class Errors {
 public:
  Errors(const Job& job, const HermiteExpander& expander, const StoredBlock& block, const FitSamples* samples)
      : expander_(expander), full_(block), samples_(samples), gaussian_(samples ? samples->blend : 1) {
    if (samples) {
      samples->check(block.input.width(), block.output.width());
      if (gaussian_ > 0) match(job, block);
    }
    if (gaussian_ > 0) norm_ = squared_norm(job, expander_, full_.view());
  }

  const BlockNeurons& full() const { return view_; }

  // Of a skeleton with its weights for z and for x.
  double operator()(const Job& job, const BlockNeurons& seen, const BlockNeurons& weights) const {
    double distance = 0, norm = 0;
    if (gaussian_ > 0) {
      distance = gaussian_ * squared_distance(job, expander_, full_.view(), norm_, seen);
      norm = gaussian_ * norm_;
    }
    if (samples_ && samples_->blend < 1) {
      const SampleError sampled = sample_error(job, expander_.activation(), weights, *samples_);
      distance += (1 - samples_->blend) * sampled.distance;
      norm += (1 - samples_->blend) * sampled.norm;
    }
    return relative(distance, norm);
  }

 private:
  // The prior's share, scaled such that the traces of both kernels agree.
  void match(const Job& job, const StoredBlock& block) {
    StoredBlock plain = block;
    plain.prior = {};
    const double own = sample_trace(job, expander_.activation(), LoadedBlock(plain).view(), *samples_);
    const BlockKernel kernel(job, expander_, full_.view());
    double other = 0;
    for (std::size_t i = 0; i < kernel.size(); ++i) other += kernel.second(i);
    if (own > 0 && other > 0) gaussian_ *= own / other;
  }

  const HermiteExpander& expander_;
  LoadedBlock full_;
  BlockNeurons view_ = full_.view();
  const FitSamples* samples_;
  double gaussian_;  // share of squares under the prior
  double norm_ = 0;  // under it
};

}  // namespace

void certify(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
             std::span<const std::uint32_t> widths, std::span<double> errors, const FitSamples* samples) {
  if (widths.size() != errors.size()) throw std::invalid_argument("one error a width");
  const HermiteExpander expander(activation, kCertificateDegree);
  const Errors error(job, expander, block, samples);
  SkeletonWalk walk(job, block, tree);
  double done = 0, all = 0;
  for (const std::uint32_t width : widths) all += width;
  for (std::size_t l = 0; l < widths.size(); ++l) {
    const std::size_t before = walk.width();
    walk.narrow_to(job, widths[l]);
    // Without samples nothing is lost at full width; their targets may be others than the block's own outputs.
    const bool whole = walk.width() == block.input.neurons() && !samples;
    if (!whole && l > 0 && walk.width() == before) {
      errors[l] = errors[l - 1];
    } else {
      errors[l] = whole ? 0 : error(job, walk.skeleton().view(), walk.weights().view());
    }
    done += widths[l];
    job.progress(done / all);
  }
}

double refit_skeleton(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
                      std::size_t width, double ridge, std::span<std::uint8_t> words, const FitSamples* samples) {
  const HermiteExpander expander(activation, kCertificateDegree);
  const Errors error(job, expander, block, samples);
  SkeletonWalk walk(job, block, tree);
  walk.narrow_to(job, width);
  auto skeleton = walk.skeleton(), weights = walk.weights();
  NormalEquations sampled;
  if (samples) sampled = normal_equations(job, activation, weights.view(), *samples);
  const SampledFit fit{&sampled, samples ? samples->blend : 0};
  refit(job, expander, error.full(), skeleton.view(), ridge, skeleton.output.view(), samples ? &fit : nullptr);
  const std::size_t count = checked_mul(skeleton.output.rows(), skeleton.output.cols());
  if (words.size() != checked_mul(count, dtype_bytes(block.output.dtype)))
    throw std::invalid_argument("refit output size");
  narrow(block.output.dtype, skeleton.output.data(), count, words.data());
  // The error of what is stored, not of what was solved for.
  widen(block.output.dtype, words.data(), count, skeleton.output.data());
  weights.output = skeleton.output;
  return error(job, skeleton.view(), weights.view());
}

}  // namespace herm
