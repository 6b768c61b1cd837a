#include "kernels/refit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/blas.h"
#include "kernels/block_kernel.h"
#include "kernels/gram.h"
#include "kernels/ridge_factor.h"
#include "kernels/threads.h"
#include "kernels/tiled_cholesky.h"

namespace herm {

namespace {

constexpr std::size_t kTile = 256;

// out = Φ_S· V: [k×m] kernel tiles times [m×p], without ever holding the whole kernel.
void project(const Job& job, const BlockKernel& kept, const BlockKernel& full, ConstMatrix full_output, MutMatrix out) {
  const std::size_t k = kept.size(), m = full.size(), p = out.cols;
  parallel_for(job, k, kTile, [&](std::size_t begin, std::size_t end) {
    Matrix phi(end - begin, std::min(m, kTile)), part(end - begin, p);
    for (std::size_t i = begin; i < end; ++i) std::fill_n(out.row(i), p, 0.0);
    for (std::size_t j = 0; j < m; j += kTile) {
      job.check();
      const std::size_t j_end = std::min(m, j + kTile);
      const MutMatrix tile{phi.data(), phi.rows(), j_end - j, phi.cols()};
      kept.tile(full, {begin, end, j, j_end}, false, tile);
      multiply(Job(), tile, full_output.rows_from(j, j_end), part.view());
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t c = 0; c < p; ++c) out(i, c) += part(i - begin, c);
    }
  });
}

double trace(const Matrix& a) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rows(); ++i) sum += a(i, i);
  return sum;
}

// phi and out := (1 − ε) of the samples' and ε s of what they are.
void blend(const SampledFit& samples, Matrix& phi, MutMatrix out) {
  const auto& [sampled, share] = samples;
  const double own = trace(sampled->gram), other = trace(phi);
  // Where all neurons are silent on the samples, the prior alone tells them apart.
  const double gaussian = share > 0 ? share * (own > 0 && other > 0 ? own / other : 1) : 0;
  const auto mix = [&](double x, double y) { return gaussian > 0 ? (1 - share) * x + gaussian * y : (1 - share) * x; };
  for (std::size_t i = 0; i < phi.rows(); ++i) {
    for (std::size_t j = 0; j < phi.cols(); ++j) phi(i, j) = mix(sampled->gram(i, j), phi(i, j));
    for (std::size_t c = 0; c < out.cols; ++c) out(i, c) = mix(sampled->cross(i, c), out(i, c));
  }
}

void scale_rows(MutMatrix m, const std::vector<double>& scale) {
  for (std::size_t i = 0; i < m.rows; ++i)
    for (std::size_t c = 0; c < m.cols; ++c) m(i, c) *= scale[i];
}

// What is solved for without any meaning is of rounding errors over the ridge, some 1e-7 of the whole.
constexpr double kNoise = 1e-6;
// A ReLU whose bend is 8 deviations away has less energy than this next to its pre-activation.
constexpr double kAsleep = 1e-16;

// Outputs (rows, of neurons of unit energy) become 0 where a neuron is as good as never awake and what it would do is
// within the noise: its energy may be 1e-80, and its outputs as large as the inverse.
void silence(const BlockNeurons& kept, const std::vector<double>& scale, MutMatrix out) {
  const auto square = [](const double* x, std::size_t n) { return cblas_ddot(blas_dim(n, "length"), x, 1, x, 1); };
  double largest = 0;
  for (std::size_t i = 0; i < out.rows; ++i) largest = std::max(largest, square(out.row(i), out.cols));
  for (std::size_t i = 0; i < out.rows; ++i) {
    const double bias = kept.bias ? kept.bias[i] : 0;
    const double before = square(kept.input.row(i), kept.input.cols) + bias * bias;
    const bool asleep = scale[i] > 0 && 1 <= kAsleep * before * scale[i] * scale[i];
    if (asleep && square(out.row(i), out.cols) <= kNoise * kNoise * largest) std::fill_n(out.row(i), out.cols, 0.0);
  }
}

}  // namespace

void refit(const Job& job, const HermiteExpander& expander, const BlockNeurons& full, const BlockNeurons& kept,
           double ridge, MutMatrix out, const SampledFit* samples) {
  const std::size_t k = kept.input.rows;
  if (k == 0 || out.cols == 0) return;
  Matrix phi(k, k);
  if (!samples || samples->blend > 0) {
    const BlockKernel kept_kernel(job, expander, kept), full_kernel(job, expander, full);
    project(job, kept_kernel, full_kernel, full.output, out);
    kept_kernel.matrix(job, phi.view());
  }
  if (samples) blend(*samples, phi, out);
  const std::vector<double> scale = factorise(job, phi, ridge);
  scale_rows(out, scale);
  cholesky_solve(job, phi.view(), out);
  if (!kept.gated()) silence(kept, scale, out);
  scale_rows(out, scale);
}

}  // namespace herm
