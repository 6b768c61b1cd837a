// The inner loop of the kernel: Hermite series of one neuron against those of many.
#pragma once

#include <cstddef>

namespace herm {

struct SeriesKernel {
  std::size_t degree;
  // The one neuron: c [D+1] and the rest of its expansion.
  const double* c;
  double dev, even_tail, odd_tail;
  // The others, each array from the first one on; coefficient k of neuron j at series[k·stride + j].
  const double *devs, *even_tails, *odd_tails, *series;
  std::size_t stride;
};

// rho[j] = the correlation of pre-activations with inner product gram[j] (0 where a neuron is constant), clamped to
// [−1, 1]; out[j] = Σ_k c_k c_jk ρ_j^k and the remainders' share, j < count. `out` may be `gram`.
void series_kernel(const SeriesKernel& task, const double* gram, std::size_t count, double* rho, double* out);

}  // namespace herm
