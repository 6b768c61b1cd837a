#include "kernels/merge_plain.h"

#include <algorithm>

#include "kernels/profile_table.h"

namespace herm {

std::vector<RankedPair> match_plain(const Job& job, const NeuronPairs& neurons, const LivingGram& gram,
                                    std::size_t count, const std::vector<char>& alive) {
  const auto size = static_cast<std::uint32_t>(neurons.size());
  std::vector<RankedPair> all;
  GramWindow window;
  std::vector<float> swept(size + kSweepPadding);
  for (std::uint32_t a = 0; a < size; ++a) {
    job.check();
    if (!alive[a]) continue;
    if (a + 1 == size) break;
    gram.read({&a, 1}, a + 1, size, window);
    neurons.sweep_trusted(a, a + 1, size, window.row(0).data(), swept.data());
    for (std::uint32_t b = a + 1; b < size; ++b) {
      if (!alive[b]) continue;
      const auto [owner, partner] = neurons.owns(a, b) ? std::pair(a, b) : std::pair(b, a);
      all.push_back({pair_cost(neurons, owner, partner, swept[b - a - 1]), owner, partner});
    }
  }
  std::sort(all.begin(), all.end());
  std::vector<char> available(alive);
  std::vector<RankedPair> pairs;
  for (const RankedPair& pair : all) {
    if (pairs.size() == count) break;
    if (!available[pair.owner] || !available[pair.partner]) continue;
    available[pair.owner] = available[pair.partner] = 0;
    pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace herm
