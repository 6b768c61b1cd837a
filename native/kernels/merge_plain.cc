#include "kernels/merge_plain.h"

#include <algorithm>

#include "kernels/profile_table.h"

namespace herm {

std::vector<RankedPair> match_plain(const Job& job, const NeuronPairs& neurons, const LivingGram& gram,
                                    std::size_t count, const Living& living) {
  const auto& positions = living.positions();
  const std::size_t count_alive = positions.size();
  std::vector<RankedPair> all;
  GramWindow window;
  std::vector<float> swept(count_alive + kSweepPadding);
  for (std::size_t i = 0; i + 1 < count_alive; ++i) {
    job.check();
    const std::uint32_t a = positions[i];
    gram.read({&a, 1}, living, 0, living.size(), window);
    neurons.sweep_trusted(positions, i, i + 1, count_alive, shifted(window.row(0), i + 1).data(), swept.data());
    for (std::size_t j = i + 1; j < count_alive; ++j) {
      const std::uint32_t b = positions[j];
      const auto [owner, partner] = neurons.owns(a, b) ? std::pair(a, b) : std::pair(b, a);
      all.push_back({pair_cost(neurons, owner, partner, swept[j - i - 1]), owner, partner});
    }
  }
  std::sort(all.begin(), all.end());
  std::vector<char> available(living.flags());
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
