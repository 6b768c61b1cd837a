#include "kernels/neuron_pairs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/error.h"

namespace herm {

double countable_energy(double energy) {
  constexpr double kNothing = 1e-280;
  return energy < kNothing ? 0 : energy;
}

std::vector<std::uint32_t> order_by_energy(const std::vector<double>& energies) {
  const double total = std::accumulate(energies.begin(), energies.end(), 0.0);
  if (!std::isfinite(total * total)) {
    throw KernelError("NON_FINITE", "the weights are so large that their Gram matrices overflow double precision");
  }
  std::vector<std::uint32_t> order(energies.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return energies[a] < energies[b]; });
  return order;
}

void NeuronPairs::sweep_trusted(std::size_t fixed, std::size_t begin, std::size_t end, const float* const* rows,
                                float* r) const {
  sweep(fixed, begin, end, rows, r);
  const float share = trust();
  if (share == 1) return;
  for (std::size_t j = 0; j < end - begin; ++j) r[j] *= share;
}

std::vector<double> load_biases(bool present, const StoredMatrix& stored, std::size_t m) {
  std::vector<double> biases(m);
  if (!present) return biases;
  widen(stored.dtype, stored.bytes, m, biases.data());
  return biases;
}

}  // namespace herm
