#include "kernels/neuron_pairs.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

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

std::size_t NeuronPairs::sweep_trusted(const std::vector<std::uint32_t>& living, std::size_t fixed, std::size_t begin,
                                       std::size_t end, const float* const* rows, float* r) const {
  sweep(fixed, begin, end, rows, r);
  const std::size_t closer = blind() ? look_closer(living, fixed, begin, end, r) : 0;
  const float share = trust();
  if (share == 1) return closer;
  for (std::size_t j = 0; j < end - begin; ++j) r[j] *= share;
  return closer;
}

std::size_t NeuronPairs::look_closer(const std::vector<std::uint32_t>& living, std::size_t fixed, std::size_t begin,
                                     std::size_t end, float* r) const {
  // As in sweeps never between nothing and what the schedule calls free: swept costs are not above the pair's.
  constexpr double kResolved = 1e-8;
  std::size_t closer = 0;
  for (std::size_t j = begin; j < end; ++j) {
    if (r[j - begin] > 0) continue;
    const std::uint32_t a = living[fixed], b = living[j];
    const auto [owner, partner] = owns(a, b) ? std::pair(a, b) : std::pair(b, a);
    const double unit = energy(owner);
    if (!(unit > 0)) continue;
    const double cost = estimate(owner, partner) / unit;
    r[j - begin] = cost > kResolved ? static_cast<float>(cost) : 0;
    ++closer;
  }
  return closer;
}

std::vector<double> load_biases(bool present, const StoredMatrix& stored, std::size_t m) {
  std::vector<double> biases(m);
  if (!present) return biases;
  widen(stored.dtype, stored.bytes, m, biases.data());
  return biases;
}

}  // namespace herm
