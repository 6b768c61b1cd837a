#include <algorithm>
#include <utility>

#include "kernels/block_kernel.h"
#include "kernels/compensated_sum.h"
#include "kernels/gram.h"
#include "kernels/interaction.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kTile = 256;
constexpr std::size_t kLanes = 8;

// A block and the expansions of its neurons.
struct Side {
  const BlockNeurons& block;
  const BlockKernel& kernel;

  std::size_t size() const { return block.input.rows; }
};

double dot(const double* a, const double* b, std::size_t count) {
  double sums[kLanes] = {};
  std::size_t j = 0;
  for (; j + kLanes <= count; j += kLanes)
    for (std::size_t l = 0; l < kLanes; ++l) sums[l] += a[j + l] * b[j + l];
  for (std::size_t l = 0; j < count; ++j, ++l) sums[l] += a[j] * b[j];
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

// Σ Φ_ij ⟨v_i, v_j⟩ over a tile. `triangle` counts pairs j > i twice and leaves out those below the diagonal.
double tile_sum(const Side& f, const Side& g, const KernelTile& tile, bool triangle) {
  Matrix kernel(tile.i_end - tile.i, tile.j_end - tile.j), output(kernel.rows(), kernel.cols());
  f.kernel.tile(g.kernel, tile, triangle, kernel.view());
  cross_gram(Job(), f.block.output.rows_from(tile.i, tile.i_end), g.block.output.rows_from(tile.j, tile.j_end),
             output.view());
  CompensatedSum sum;
  for (std::size_t i = tile.i; i < tile.i_end; ++i) {
    const std::size_t begin = triangle ? std::max(i, tile.j) : tile.j;
    if (begin >= tile.j_end) continue;
    const double* phi = kernel.row(i - tile.i) + (begin - tile.j);
    const double* h = output.row(i - tile.i) + (begin - tile.j);
    const std::size_t count = tile.j_end - begin;
    if (!triangle) {
      sum.add(dot(phi, h, count));
    } else if (begin == i) {
      sum.add(phi[0] * h[0]);
      sum.add(2 * dot(phi + 1, h + 1, count - 1));
    } else {
      sum.add(2 * dot(phi, h, count));
    }
  }
  return sum.value();
}

// ⟨f, g⟩ in L²(prior)⊗Rᵖ; `triangle` where f and g are one. Tiles bound the memory; their sums are added in order.
double inner_product(const Job& job, const Side& f, const Side& g, bool triangle) {
  std::vector<KernelTile> tiles;
  for (std::size_t i = 0; i < f.size(); i += kTile) {
    for (std::size_t j = triangle ? i : 0; j < g.size(); j += kTile) {
      tiles.push_back({i, std::min(f.size(), i + kTile), j, std::min(g.size(), j + kTile)});
    }
  }
  std::vector<double> sums(tiles.size());
  parallel_for(job, tiles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) sums[t] = tile_sum(f, g, tiles[t], triangle);
  });
  CompensatedSum total;
  for (const double sum : sums) total.add(sum);
  return total.value();
}

// Rounding can push a small distance below zero. NaN stays.
double non_negative(double value) { return value < 0 ? 0 : value; }

}  // namespace

double squared_norm(const Job& job, const HermiteExpander& expander, const BlockNeurons& block) {
  const BlockKernel kernel(job, expander, block);
  const Side side{block, kernel};
  return non_negative(inner_product(job, side, side, true));
}

double squared_distance(const Job& job, const HermiteExpander& expander, const BlockNeurons& f, double squared_f,
                        const BlockNeurons& g) {
  const BlockKernel kernel_f(job, expander, f), kernel_g(job, expander, g);
  const Side side_f{f, kernel_f}, side_g{g, kernel_g};
  CompensatedSum distance;
  distance.add(squared_f);
  distance.add(inner_product(job, side_g, side_g, true));
  distance.add(-2 * inner_product(job, side_f, side_g, false));
  return non_negative(distance.value());
}

}  // namespace herm
