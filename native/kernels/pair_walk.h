// The Gram entries of a list of pairs, in batches. Where the pairs are many, bands of the two Gram matrices are made
// by BLAS-3 and used up while they are in the cache: the whole matrices never exist.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "kernels/block_kernel.h"
#include "kernels/job.h"
#include "kernels/pair_batch.h"
#include "kernels/pair_index.h"

namespace herm {

// The input and the output Gram matrix of the neurons of a PairIndex, in its order.
struct PairGrams {
  std::vector<double> input_diagonal, output_diagonal;
  // Rows and columns of both, of which what lies below the diagonal is of no use.
  std::function<void(const KernelTile&, MutMatrix input, MutMatrix output)> tile;
  // One entry of each.
  std::function<std::pair<double, double>(std::size_t i, std::size_t j)> entry;
};

// Calls body(batch, numbers) on the job's threads for all pairs; batch entry k is of pair numbers[k], whose neuron of
// the lower place is neuron 1.
void for_each_batch(const Job& job, const PairIndex& index, const PairGrams& grams,
                    const std::function<void(const PairBatch&, const std::size_t* numbers)>& body);

// The diagonal of a aᵀ, by BLAS-3: rounded like the entries beside it.
std::vector<double> gram_diagonal(const Job& job, ConstMatrix a);

}  // namespace herm
