#include "kernels/sample_rounds.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <unordered_map>

#include "kernels/gram.h"
#include "kernels/sampled_kernel.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 8;  // owners, pairs or parents that a thread takes at a time

using Clock = std::chrono::steady_clock;

class SampleRounds {
 public:
  SampleRounds(const Job& job, NeuronPairs& neurons, double share)
      : job_(job),
        neurons_(neurons),
        samples_(*neurons.samples()),
        share_(share),
        living_(neurons.size()),
        gram_(checked_mul(samples_.rows(), samples_.rows())) {
    for (std::uint32_t p = 0; p < living_.size(); ++p) living_[p] = p;
    gram(job_, samples_.values(), view());
    blend(living_);
    lap(MergeReport::kGram);
  }

  MergeReport run() {
    const auto goal = static_cast<double>(living_.size());
    while (living_.size() > 1) {
      job_.check();
      const auto limit = static_cast<std::size_t>(share_ * static_cast<double>(living_.size()));
      const auto pairs = match(std::clamp<std::size_t>(limit, 1, living_.size() / 2));
      lap(MergeReport::kMatch);
      merge(pairs);
      ++report_.rounds;
      job_.progress(1 - static_cast<double>(living_.size() - 1) / goal);
    }
    return report_;
  }

 private:
  using Partners = std::array<std::uint32_t, kSampledPartners>;
  static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);

  MatrixView<float> view() { return {gram_.data(), samples_.rows(), samples_.rows()}; }
  float& entry(std::size_t a, std::size_t b) {
    return gram_.data()[samples_.place(a) * samples_.rows() + samples_.place(b)];
  }
  void lap(MergeReport::Phase phase) {
    const auto now = Clock::now();
    report_.seconds[phase] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

  // Entries of these neurons, the youngest or all, with all living ones: sums over samples become blended kernel
  // values. Of two of these the one that comes first is computed, and the other one is the same.
  void blend(const std::vector<std::uint32_t>& those) {
    const auto n = static_cast<double>(samples_.samples());
    parallel_for(job_, those.size(), kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) {
        for (const std::uint32_t q : living_) {
          const std::uint32_t p = those[r];
          if (q < p && q >= those[0]) continue;
          const double gaussian = samples_.has_gaussian() ? neurons_.gaussian_kernel(p, q) : 0;
          const auto value = static_cast<float>(samples_.blend(static_cast<double>(entry(p, q)) / n, gaussian));
          entry(p, q) = entry(q, p) = value;
        }
      }
    });
  }

  std::vector<RankedPair> match(std::size_t count) {
    std::vector<Partners> partners(living_.size());
    parallel_for(job_, living_.size(), kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) partners[i] = nearest(living_[i]);
    });
    report_.counts.scans += living_.size();
    lap(MergeReport::kSweep);
    std::vector<RankedPair> pairs, unknown;
    for (std::size_t i = 0; i < living_.size(); ++i) {
      for (const std::uint32_t partner : partners[i]) {
        if (partner == kNone) break;
        const auto known = costs_.find(key(living_[i], partner));
        if (known != costs_.end())
          pairs.push_back({known->second, living_[i], partner});
        else
          unknown.push_back({0, living_[i], partner});
      }
    }
    parallel_for(job_, unknown.size(), kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k)
        unknown[k].cost = pair_cost(neurons_, unknown[k].owner, unknown[k].partner, 0);
    });
    report_.counts.estimates += unknown.size();
    for (const RankedPair& pair : unknown) {
      costs_.emplace(key(pair.owner, pair.partner), pair.cost);
      pairs.push_back(pair);
    }
    std::sort(pairs.begin(), pairs.end());
    return disjoint(pairs, count);
  }

  static std::uint64_t key(std::uint32_t owner, std::uint32_t partner) {
    return static_cast<std::uint64_t>(owner) << 32U | partner;
  }

  // The cheapest ones of which no two share a neuron.
  std::vector<RankedPair> disjoint(const std::vector<RankedPair>& pairs, std::size_t count) const {
    std::vector<char> taken(neurons_.size());
    std::vector<RankedPair> result;
    for (const RankedPair& pair : pairs) {
      if (result.size() == count) break;
      if (taken[pair.owner] || taken[pair.partner]) continue;
      taken[pair.owner] = taken[pair.partner] = 1;
      result.push_back(pair);
    }
    return result;
  }

  // The partners of which absorbing this neuron costs least: Φ_ii − Φ_ij²/Φ_jj is smallest.
  Partners nearest(std::uint32_t owner) {
    Partners best;
    best.fill(kNone);
    std::array<float, kSampledPartners> scores{};
    std::size_t held = 0;
    for (const std::uint32_t q : living_) {
      if (q == owner || !neurons_.owns(owner, q)) continue;
      const float own = entry(q, q), cross = entry(owner, q);
      const float score = own > 0 ? cross / own * cross : 0;
      std::size_t at = held;
      while (at > 0 && scores[at - 1] < score) --at;
      if (at == kSampledPartners) continue;
      held = std::min(held + 1, kSampledPartners);
      for (std::size_t k = held - 1; k > at; --k) {
        best[k] = best[k - 1];
        scores[k] = scores[k - 1];
      }
      best[at] = q;
      scores[at] = score;
    }
    return best;
  }

  void merge(const std::vector<RankedPair>& pairs) {
    const std::size_t before = neurons_.size();
    neurons_.begin_merges(pairs.size());
    parallel_for(job_, pairs.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t t = begin; t < end; ++t) neurons_.merge(t, pairs[t].owner, pairs[t].partner, nullptr);
    });
    neurons_.end_merges();
    lap(MergeReport::kOperator);
    std::vector<char> dead(before);
    for (const RankedPair& pair : pairs) dead[pair.owner] = dead[pair.partner] = 1;
    std::erase_if(living_, [&](std::uint32_t p) { return dead[p] != 0; });
    std::vector<std::uint32_t> parents;
    for (std::size_t p = before; p < neurons_.size(); ++p) parents.push_back(static_cast<std::uint32_t>(p));
    living_.insert(living_.end(), parents.begin(), parents.end());
    multiply(parents);
    blend(parents);
    lap(MergeReport::kUpdate);
  }

  // Sums over samples of the products of these neurons with everything in memory.
  void multiply(const std::vector<std::uint32_t>& parents) {
    const std::size_t n = samples_.samples(), rows = samples_.rows();
    std::vector<float> values(checked_mul(parents.size(), n)), products(checked_mul(parents.size(), rows));
    for (std::size_t r = 0; r < parents.size(); ++r)
      std::copy_n(samples_.values().row(samples_.place(parents[r])), n, values.data() + r * n);
    const MatrixView<float> out(products.data(), parents.size(), rows);
    cross_gram(job_, MatrixView<const float>(values.data(), parents.size(), n), samples_.values(), out);
    for (std::size_t r = 0; r < parents.size(); ++r) {
      const std::uint32_t place = samples_.place(parents[r]);
      std::copy_n(out.row(r), rows, view().row(place));
    }
  }

  const Job job_;
  NeuronPairs& neurons_;
  const SampledKernel& samples_;
  double share_;
  std::vector<std::uint32_t> living_;  // positions, ascending
  LargeArray gram_;                    // [rows×rows] by place
  std::unordered_map<std::uint64_t, double> costs_;
  MergeReport report_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

MergeReport merge_on_samples(const Job& job, NeuronPairs& neurons, double round_share) {
  if (!(round_share >= 0 && round_share <= 1)) throw std::invalid_argument("the share of a round is not from 0 to 1");
  if (!neurons.samples()) throw std::invalid_argument("the neurons have no samples");
  if (neurons.size() < 2) return {};
  return SampleRounds(job, neurons, round_share).run();
}

}  // namespace herm
