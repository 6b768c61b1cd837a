// The schedule's matching by looking at every pair: the oracle of merge_search.h.
#pragma once

#include <vector>

#include "kernels/living_gram.h"
#include "kernels/merge_search.h"

namespace herm {

std::vector<RankedPair> match_plain(const Job& job, const NeuronPairs& neurons, const LivingGram& gram,
                                    std::size_t count, const Living& living);

}  // namespace herm
