#include "kernels/interaction.h"

#include <algorithm>
#include <cmath>

#include "kernels/bend_kernel.h"
#include "kernels/decompose.h"
#include "kernels/mirror.h"
#include "kernels/series_kernel.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kExpansions = 16;  // neurons that a thread expands at a time
constexpr std::size_t kTile = 128;       // of kernel_matrix: its series stay in the cache
constexpr std::size_t kSpan = 256;       // of kernel_row: correlations on the stack

// Columns of the series: at least m, and their bytes no multiple of 512, so that a neuron's coefficients do not all
// fall into the same few sets of the cache.
std::size_t series_stride(std::size_t m) {
  constexpr std::size_t kLine = 8;  // doubles
  std::size_t lines = (m + kLine - 1) / kLine;
  while (lines % 8 != 3) ++lines;
  return lines * kLine;
}

void set_neuron(InputNeurons& neurons, std::size_t i, const HermiteExpander& expander, double squared_dev, double mean,
                std::vector<double>& c) {
  c.resize(expander.degree() + 1);
  const double dev = squared_dev < 0 ? 0 : std::sqrt(squared_dev);  // NaN stays
  const auto moments = expander.expand(dev, mean, c.data());
  neurons.dev[i] = dev;
  neurons.mean[i] = mean;
  neurons.second[i] = moments.second;
  neurons.even_tail[i] = moments.even_tail;
  neurons.odd_tail[i] = moments.odd_tail;
  for (std::size_t k = 0; k < c.size(); ++k) neurons.series(k, i) = c[k];
}

// The pairs whose series converges too slowly, once more in closed form.
void replace_near(const InputNeurons& a, std::size_t i, const InputNeurons& b, std::size_t begin, const double* rho,
                  std::size_t count, double* out) {
  const Preactivation own{a.dev[i], a.mean[i]};
  if (!own.bend_in_sight()) return;
  const double threshold = bend_threshold(a.degree());
  for (std::size_t j = 0; j < count; ++j) {
    if (!(std::fabs(rho[j]) > threshold)) continue;
    const Preactivation other{b.dev[begin + j], b.mean[begin + j]};
    if (other.bend_in_sight()) out[j] = bend_kernel(a.activation, own, other, rho[j]);
  }
}

}  // namespace

InputNeurons expand_neurons(const Job& job, const HermiteExpander& expander, const double* squared_dev,
                            const double* mean, std::size_t m) {
  InputNeurons neurons{expander.activation(),
                       std::vector<double>(m),
                       std::vector<double>(m),
                       std::vector<double>(m),
                       std::vector<double>(m),
                       std::vector<double>(m),
                       Matrix(expander.degree() + 1, series_stride(m))};
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

void require_finite(const BlockNeurons& block) {
  const auto row = [&block](const double* bias) {
    return ConstMatrix{bias, bias ? std::size_t{1} : 0, block.input.rows};
  };
  require_finite(block.input, "the input weights");
  require_finite(row(block.bias), "the biases");
  require_finite(block.output, "the output weights");
  require_finite(block.gate, "the gate weights");
  require_finite(row(block.gate_bias), "the gate biases");
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
  thread_local std::vector<double> c;
  c.resize(a.degree() + 1);
  for (std::size_t k = 0; k < c.size(); ++k) c[k] = a.series(k, i);
  double rho[kSpan];
  for (std::size_t j = begin; j < end; j += kSpan) {
    const std::size_t count = std::min(kSpan, end - j);
    const SeriesKernel task{a.degree(), c.data(),        a.dev[i],       a.even_tail[i],      a.odd_tail[i],
                            &b.dev[j],  &b.even_tail[j], &b.odd_tail[j], b.series.data() + j, b.series.cols()};
    series_kernel(task, &input_gram[j - begin], count, rho, &out[j - begin]);
    if (bent) replace_near(a, i, b, j, rho, count, &out[j - begin]);
  }
  if (&a == &b && i >= begin && i < end) out[i - begin] = a.second[i];
}

void kernel_row(const InputNeurons& a, std::size_t i, const InputNeurons& b, const double* input_gram,
                std::size_t begin, std::size_t end, double* out) {
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
      mirror_tile(out, i0, i1, j0, j1);
    }
  });
}

}  // namespace herm
