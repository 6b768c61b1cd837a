#include "kernels/interaction.h"

#include <algorithm>
#include <cmath>

#include "kernels/bend_kernel.h"
#include "kernels/kernel_tail.h"
#include "kernels/multiversion.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kExpansions = 16;  // neurons that a thread expands at a time
constexpr std::size_t kTile = 128;       // of kernel_matrix: its series stay in the cache
constexpr std::size_t kSpan = 256;       // of kernel_row: correlations on the stack
constexpr std::size_t kLanes = 32;       // partial results that one pass over the degrees keeps in registers

void set_neuron(InputNeurons& neurons, std::size_t i, const HermiteExpander& expander, double squared_dev, double mean,
                std::vector<double>& c) {
  c.resize(expander.degree() + 1);
  const double dev = std::sqrt(std::max(0.0, squared_dev));
  const auto moments = expander.expand(dev, mean, c.data());
  neurons.dev[i] = dev;
  neurons.mean[i] = mean;
  neurons.second[i] = moments.second;
  neurons.even_tail[i] = moments.even_tail;
  neurons.odd_tail[i] = moments.odd_tail;
  for (std::size_t k = 0; k < c.size(); ++k) neurons.series(k, i) = c[k];
}

// ρ [count], 0 for constant neurons.
HERM_MULTIVERSION void correlations(double dev, const double* devs, const double* gram, std::size_t count, double* rho) {
  for (std::size_t j = 0; j < count; ++j) {
    const double product = dev * devs[j];
    const double value = product > 0 ? gram[j] / product : 0;
    rho[j] = std::min(1.0, std::max(-1.0, value));
  }
}

// out[j] = Σ_k c_k series[k·stride + j] ρ_j^k, by Horner's rule; c holds every stride_c-th value.
HERM_MULTIVERSION void series_sums(const double* c, std::size_t c_stride, const double* series, std::size_t stride,
                                   std::size_t degree, const double* rho, std::size_t count, double* out) {
  std::size_t begin = 0;
  for (; begin + kLanes <= count; begin += kLanes) {
    double sum[kLanes] = {};
    for (std::size_t k = degree + 1; k-- > 0;) {
      const double* other = &series[k * stride + begin];
      const double own = c[k * c_stride];
      for (std::size_t l = 0; l < kLanes; ++l) sum[l] = sum[l] * rho[begin + l] + own * other[l];
    }
    for (std::size_t l = 0; l < kLanes; ++l) out[begin + l] = sum[l];
  }
  for (std::size_t j = begin; j < count; ++j) {
    double sum = 0;
    for (std::size_t k = degree + 1; k-- > 0;) sum = sum * rho[j] + c[k * c_stride] * series[k * stride + j];
    out[j] = sum;
  }
}

HERM_MULTIVERSION void add_tails(double even, double odd, const double* evens, const double* odds, std::size_t degree,
                                 const double* rho, std::size_t count, double* out) {
  double power[kSpan], square[kSpan];
  for (std::size_t j = 0; j < count; ++j) {
    power[j] = rho[j];
    square[j] = rho[j] * rho[j];
  }
  for (std::size_t e = (degree + 1) / 2; e > 0; e /= 2) {
    if (e & 1) {
      for (std::size_t j = 0; j < count; ++j) power[j] *= square[j];
    }
    for (std::size_t j = 0; j < count; ++j) square[j] *= square[j];
  }
  for (std::size_t j = 0; j < count; ++j) out[j] += kernel_tail(even * evens[j], odd * odds[j], rho[j], power[j]);
}

// The pairs whose series converges too slowly, once more in closed form.
void replace_near(const InputNeurons& a, std::size_t i, const InputNeurons& b, std::size_t begin, const double* rho,
                  std::size_t count, double* out) {
  const double threshold = bend_threshold(a.degree());
  for (std::size_t j = 0; j < count; ++j) {
    if (std::fabs(rho[j]) > threshold) {
      out[j] = bend_kernel(a.activation, {a.dev[i], a.mean[i]}, {b.dev[begin + j], b.mean[begin + j]}, rho[j]);
    }
  }
}

}  // namespace

InputNeurons expand_neurons(const Job& job, const HermiteExpander& expander, const double* squared_dev,
                            const double* mean, std::size_t m) {
  InputNeurons neurons{expander.activation(),  std::vector<double>(m), std::vector<double>(m), std::vector<double>(m),
                       std::vector<double>(m), std::vector<double>(m), Matrix(expander.degree() + 1, m)};
  parallel_for(job, m, kExpansions, [&](std::size_t begin, std::size_t end) {
    std::vector<double> c;
    for (std::size_t i = begin; i < end; ++i) set_neuron(neurons, i, expander, squared_dev[i], mean[i], c);
  });
  return neurons;
}

void expand_neuron(InputNeurons& neurons, std::size_t i, const HermiteExpander& expander, double squared_dev,
                   double mean) {
  thread_local std::vector<double> c;
  set_neuron(neurons, i, expander, squared_dev, mean, c);
}

InputNeurons expand_block(const Job& job, const HermiteExpander& expander, const BlockNeurons& block) {
  const std::size_t m = block.input.rows;
  std::vector<double> squared_dev(m), mean(m);
  for (std::size_t i = 0; i < m; ++i) {
    const double* row = block.input.row(i);
    for (std::size_t c = 0; c < block.input.cols; ++c) squared_dev[i] += row[c] * row[c];
    if (block.bias) mean[i] = block.bias[i];
  }
  return expand_neurons(job, expander, squared_dev.data(), mean.data(), m);
}

void kernel_span(const InputNeurons& a, std::size_t i, const InputNeurons& b, const double* input_gram,
                 std::size_t begin, std::size_t end, double* out) {
  const bool bent = has_bend_kernel(a.activation);
  double rho[kSpan];
  for (std::size_t j = begin; j < end; j += kSpan) {
    const std::size_t count = std::min(kSpan, end - j);
    double* span = &out[j - begin];
    correlations(a.dev[i], &b.dev[j], &input_gram[j - begin], count, rho);
    series_sums(a.series.data() + i, a.size(), b.series.data() + j, b.size(), a.degree(), rho, count, span);
    add_tails(a.even_tail[i], a.odd_tail[i], &b.even_tail[j], &b.odd_tail[j], a.degree(), rho, count, span);
    if (bent) replace_near(a, i, b, j, rho, count, span);
  }
  if (&a == &b && i >= begin && i < end) out[i - begin] = a.second[i];
}

void kernel_row(const InputNeurons& a, std::size_t i, const InputNeurons& b, const double* input_gram, std::size_t begin,
                std::size_t end, double* out) {
  if (begin < end) kernel_span(a, i, b, &input_gram[begin], begin, end, &out[begin]);
}

void kernel_matrix(const Job& job, const InputNeurons& neurons, ConstMatrix input_gram, MutMatrix out) {
  const std::size_t m = neurons.size(), tiles = (m + kTile - 1) / kTile;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < tiles; ++i)
    for (std::size_t j = i; j < tiles; ++j) pairs.emplace_back(i * kTile, j * kTile);

  parallel_for(job, pairs.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t t = first; t < last; ++t) {
      const auto [i0, j0] = pairs[t];
      const std::size_t i1 = std::min(m, i0 + kTile), j1 = std::min(m, j0 + kTile);
      for (std::size_t i = i0; i < i1; ++i) {
        kernel_row(neurons, i, neurons, input_gram.row(i), std::max(i, j0), j1, out.row(i));
      }
      for (std::size_t i = i0; i < i1; ++i)
        for (std::size_t j = std::max(i + 1, j0); j < j1; ++j) out(j, i) = out(i, j);
    }
  });
}

}  // namespace herm
