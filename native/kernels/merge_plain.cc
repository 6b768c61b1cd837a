#include <algorithm>
#include <tuple>

#include "kernels/merge_rounds.h"

namespace herm {

std::vector<Merge> merge_plain(const Job& job, MergeState& state) {
  const std::size_t m = state.size();
  Matrix cost(m, m);
  for (std::size_t i = 0; i < m; ++i) {
    job.check();
    for (std::size_t j = i + 1; j < m; ++j) cost(i, j) = state.estimate(i, j);
  }

  std::vector<Merge> merges;
  while (state.living() > 1) {
    job.check();
    std::tuple<double, std::uint32_t, std::uint32_t> cheapest{0, 0, 0};
    bool found = false;
    for (std::uint32_t i = 0; i < m; ++i) {
      if (!state.alive(i)) continue;
      for (std::uint32_t j = i + 1; j < m; ++j) {
        const std::tuple offer{cost(i, j), i, j};
        if (state.alive(j) && (!found || offer < cheapest)) {
          cheapest = offer;
          found = true;
        }
      }
    }
    const std::uint32_t parent = std::get<1>(cheapest);
    state.apply(job, {{parent, std::get<2>(cheapest)}}, merges);
    for (std::size_t j = 0; j < m; ++j) {
      if (j == parent || !state.alive(j)) continue;
      cost(std::min<std::size_t>(parent, j), std::max<std::size_t>(parent, j)) = state.estimate(parent, j);
    }
  }
  return merges;
}

}  // namespace herm
