#include "kernels/block_kernel.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "kernels/gram.h"
#include "kernels/mirror.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kExpansions = 16;  // neurons that a thread expands at a time
constexpr std::size_t kTile = 128;

double dot(ConstMatrix a, std::size_t i, ConstMatrix b, std::size_t j) {
  return std::inner_product(a.row(i), a.row(i) + a.cols, b.row(j), 0.0);
}

std::vector<GatedSeries> expand_gated(const Job& job, const HermiteExpander& expander, const BlockNeurons& block) {
  if (block.gate.rows != block.input.rows || block.gate.cols != block.input.cols)
    throw std::invalid_argument("gates and values differ in size");
  const GatedExpander gated(expander.activation(), expander.degree());
  std::vector<GatedSeries> series(block.input.rows);
  parallel_for(job, series.size(), kExpansions, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const GatedNeuron neuron{std::sqrt(dot(block.gate, i, block.gate, i)), block.gate_bias ? block.gate_bias[i] : 0,
                               block.bias ? block.bias[i] : 0, dot(block.gate, i, block.input, i),
                               dot(block.input, i, block.input, i)};
      gated.expand(neuron, series[i]);
    }
  });
  return series;
}

}  // namespace

BlockKernel::BlockKernel(const Job& job, const HermiteExpander& expander, const BlockNeurons& block) : block_(block) {
  if (block.gated()) {
    gated_ = expand_gated(job, expander, block);
  } else {
    plain_ = expand_block(job, expander, block);
  }
}

void BlockKernel::tile(const BlockKernel& other, const KernelTile& tile, bool upper, MutMatrix out) const {
  if (block_.gated() != other.block_.gated()) throw std::invalid_argument("gated and plain neurons have no kernel");
  if (block_.gated()) return gated_tile(other, tile, upper, out);
  multiply_rows(block_.input.rows_from(tile.i, tile.i_end), other.block_.input.rows_from(tile.j, tile.j_end), out);
  // The series of so many columns stay in the cache.
  for (std::size_t j = tile.j; j < tile.j_end; j += kTile) {
    const std::size_t end = std::min(tile.j_end, j + kTile);
    for (std::size_t i = tile.i; i < tile.i_end; ++i) {
      const std::size_t begin = upper ? std::max(i, j) : j;
      if (begin >= end) continue;
      double* row = out.row(i - tile.i) + (begin - tile.j);
      kernel_span(plain_, i, other.plain_, row, begin, end, row);
    }
  }
}

void BlockKernel::gated_tile(const BlockKernel& other, const KernelTile& tile, bool upper, MutMatrix out) const {
  const auto own_gate = block_.gate.rows_from(tile.i, tile.i_end);
  const auto own_value = block_.input.rows_from(tile.i, tile.i_end);
  const auto other_gate = other.block_.gate.rows_from(tile.j, tile.j_end);
  const auto other_value = other.block_.input.rows_from(tile.j, tile.j_end);
  const std::size_t rows = tile.i_end - tile.i, cols = tile.j_end - tile.j;
  Matrix gate(rows, cols), gate_value(rows, cols), value_gate(rows, cols), value(rows, cols);
  cross_gram(Job(), own_gate, other_gate, gate.view());
  cross_gram(Job(), own_gate, other_value, gate_value.view());
  cross_gram(Job(), own_value, other_gate, value_gate.view());
  cross_gram(Job(), own_value, other_value, value.view());
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t i = tile.i + r;
    for (std::size_t c = upper && i > tile.j ? i - tile.j : 0; c < cols; ++c) {
      const bool itself = this == &other && tile.j + c == i;
      out(r, c) = itself ? gated_[i].second
                         : kernel(gated_[i], other.gated_[tile.j + c],
                                  {gate(r, c), gate_value(r, c), value_gate(r, c), value(r, c)});
    }
  }
}

double BlockKernel::entry(std::size_t i, std::size_t j) const {
  if (i == j) return second(i);
  if (block_.gated()) {
    return kernel(gated_[i], gated_[j],
                  {dot(block_.gate, i, block_.gate, j), dot(block_.gate, i, block_.input, j),
                   dot(block_.input, i, block_.gate, j), dot(block_.input, i, block_.input, j)});
  }
  const double input_dot = dot(block_.input, i, block_.input, j);
  double phi = 0;
  kernel_span(plain_, i, plain_, &input_dot, j, j + 1, &phi);
  return phi;
}

void BlockKernel::matrix(const Job& job, MutMatrix out) const {
  if (!block_.gated()) {
    gram(job, block_.input, out);
    kernel_matrix(job, plain_, out, out);
    return;
  }
  const std::size_t m = size();
  std::vector<std::pair<std::size_t, std::size_t>> corners;
  for (std::size_t i = 0; i < m; i += kTile)
    for (std::size_t j = i; j < m; j += kTile) corners.emplace_back(i, j);
  parallel_for(job, corners.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t t = first; t < last; ++t) {
      const auto [i, j] = corners[t];
      const KernelTile at{i, std::min(m, i + kTile), j, std::min(m, j + kTile)};
      tile(*this, at, true, {&out(i, j), at.i_end - i, at.j_end - j, out.stride});
      mirror_tile(out, at.i, at.i_end, at.j, at.j_end);
    }
  });
}

}  // namespace herm
