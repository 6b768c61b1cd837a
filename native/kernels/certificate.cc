#include "kernels/certificate.h"

#include <cmath>
#include <stdexcept>

namespace herm {

namespace {

// Measured against degree 400 and Monte Carlo: 64 degrees predict relative errors to 4e-4 for tanh at deviation 4, to
// 2e-5 for GELU there, and for the piecewise linear activations exactly, as their kernel is closed near ρ = ±1.
constexpr std::size_t kCertificateDegree = 64;

double relative(double squared_distance, double squared_norm) {
  return squared_norm > 0 ? std::sqrt(std::max(0.0, squared_distance) / squared_norm) : 0;
}

}  // namespace

void certify(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
             std::span<const std::uint32_t> widths, std::span<double> errors) {
  if (widths.size() != errors.size()) throw std::invalid_argument("one error a width");
  const LoadedBlock full(block);
  const HermiteExpander expander(activation, kCertificateDegree);
  const double norm = squared_norm(job, expander, full.view());
  SkeletonWalk walk(job, block, tree);
  double done = 0, all = 0;
  for (const std::uint32_t width : widths) all += width;
  for (std::size_t l = 0; l < widths.size(); ++l) {
    const std::size_t before = walk.width();
    walk.narrow_to(job, widths[l]);
    const bool whole = walk.width() == block.input.neurons();
    if (!whole && l > 0 && walk.width() == before) {
      errors[l] = errors[l - 1];
    } else {
      const auto skeleton = walk.skeleton();
      errors[l] = whole ? 0 : relative(squared_distance(job, expander, full.view(), norm, skeleton.view()), norm);
    }
    done += widths[l];
    job.progress(done / all);
  }
}

double refit_skeleton(const Job& job, const Activation& activation, const StoredBlock& block, const TreeView& tree,
                      std::size_t width, double ridge, std::span<std::uint8_t> words) {
  const LoadedBlock full(block);
  const HermiteExpander expander(activation, kCertificateDegree);
  SkeletonWalk walk(job, block, tree);
  walk.narrow_to(job, width);
  auto skeleton = walk.skeleton();
  refit(job, expander, full.view(), skeleton.view(), ridge, skeleton.output.view());
  const std::size_t count = checked_mul(skeleton.output.rows(), skeleton.output.cols());
  if (words.size() != checked_mul(count, dtype_bytes(block.output.dtype)))
    throw std::invalid_argument("refit output size");
  narrow(block.output.dtype, skeleton.output.data(), count, words.data());
  // The error of what is stored, not of what was solved for.
  widen(block.output.dtype, words.data(), count, skeleton.output.data());
  const double norm = squared_norm(job, expander, full.view());
  return relative(squared_distance(job, expander, full.view(), norm, skeleton.view()), norm);
}

}  // namespace herm
