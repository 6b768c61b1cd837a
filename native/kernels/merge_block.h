// One block's merge tree, from its weights as stored.
#pragma once

#include <vector>

#include "kernels/merge.h"
#include "kernels/merge_rounds.h"
#include "kernels/sampled_kernel.h"
#include "kernels/stored_block.h"

namespace herm {

struct MergeOutcome {
  std::vector<Merge> merges;  // m − 1 of m neurons
  MergeReport report;
};

// The same for every number of threads. Throws KernelError("NON_FINITE") where energies leave the range of double
// precision.
// With samples (or null) as merge_on_samples does, unless it is for a refit; of the options only these two count then.
MergeOutcome merge_block(const Job& job, const Activation& activation, const StoredBlock& block,
                         const MergeOptions& options, const InputSamples* samples = nullptr);

// Seconds of the BLAS calls that the block's Gram matrices take and nothing else, in fixed tiles on job.threads()
// threads: what a merge is measured against.
double measure_gram(const Job& job, const StoredBlock& block);

}  // namespace herm
