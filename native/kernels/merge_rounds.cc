#include "kernels/merge_rounds.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>

#include "kernels/merge_plain.h"
#include "kernels/threads.h"

namespace herm {

namespace {

// Columns of the dead are in the way wherever rows are mixed, and more so where they are multiplied; dropping them
// costs as much as going over them in some rounds. So it is done when the living are this share of all columns.
constexpr double kCrowded = 0.4, kCrowdedWithoutMatrices = 0.6;
// Room for parents until then, where it is not too much memory.
constexpr std::size_t kSmall = 8192;
constexpr double kRoom = 0.2, kLittleRoom = 0.1;

class Stopwatch {
 public:
  explicit Stopwatch(MergeReport& report) : report_(report) {}
  void lap(MergeReport::Phase phase) {
    const auto now = Clock::now();
    report_.seconds[phase] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  MergeReport& report_;
  Clock::time_point last_ = Clock::now();
};

class Rounds {
 public:
  Rounds(const Job& job, NeuronPairs& neurons, const MergeOptions& options)
      : job_(job),
        neurons_(neurons),
        share_(options.round_share),
        crowded_(options.stored ? kCrowded : kCrowdedWithoutMatrices),
        watch_(report_),
        living_(neurons.size()),
        capacity_(merge_capacity(neurons.size(), options.round_share)),
        gram_(options.stored ? make_stored_gram(job, neurons, capacity_) : make_computed_gram(neurons)) {
    watch_.lap(MergeReport::kGram);
    if (!options.plain) search_ = std::make_unique<MergeSearch>(job, neurons, *gram_, living_);
    watch_.lap(MergeReport::kSweep);
  }

  MergeReport run() {
    const auto goal = static_cast<double>(count());
    while (count() > 1) {
      job_.check();
      const auto limit = static_cast<std::size_t>(share_ * static_cast<double>(count()));
      round(std::max<std::size_t>(1, limit));
      job_.progress(1 - static_cast<double>(count() - 1) / goal);
    }
    if (search_) report_.counts = search_->counts();
    return report_;
  }

 private:
  std::size_t count() const { return living_.positions().size(); }

  void round(std::size_t limit) {
    limit = std::min(limit, count() / 2);
    if (living_.size() + limit > capacity_ ||
        static_cast<double>(count()) < crowded_ * static_cast<double>(living_.size()))
      compact();
    watch_.lap(MergeReport::kUpdate);
    const auto pairs = search_ ? search_->match(job_, limit) : match_plain(job_, neurons_, *gram_, limit, living_);
    watch_.lap(MergeReport::kMatch);
    merge(pairs);
    ++report_.rounds;
  }

  void merge(const std::vector<RankedPair>& pairs) {
    const std::size_t before = neurons_.size();
    std::vector<Union> unions(pairs.size());
    neurons_.begin_merges(pairs.size());
    parallel_for(job_, pairs.size(), 2, [&](std::size_t begin, std::size_t end) {
      for (std::size_t t = begin; t < end; ++t) {
        const auto& pair = pairs[t];
        unions[t] = {pair.owner, pair.partner, neurons_.merge(t, pair.owner, pair.partner, nullptr)};
      }
    });
    neurons_.end_merges();
    watch_.lap(MergeReport::kOperator);
    for (const auto& pair : pairs)
      for (const std::uint32_t child : {pair.owner, pair.partner}) living_.kill(child);
    gram_->append(job_, unions, living_);
    neurons_.keep_swept(living_.bear(pairs.size()));
    watch_.lap(MergeReport::kUpdate);
    if (search_) search_->update(job_, before);
    watch_.lap(MergeReport::kOffer);
  }

  void compact() {
    gram_->compact(job_, living_);
    if (search_) search_->compact(job_);
    neurons_.compact(living_.positions());
    living_.compact();
  }

  const Job job_;
  NeuronPairs& neurons_;
  double share_, crowded_;
  MergeReport report_;
  Stopwatch watch_;
  Living living_;
  std::size_t capacity_;  // positions that there is room for
  std::unique_ptr<LivingGram> gram_;
  std::unique_ptr<MergeSearch> search_;  // none: all pairs are looked at
};

}  // namespace

std::size_t merge_capacity(std::size_t neurons, double round_share) {
  if (!(round_share >= 0 && round_share <= 1)) throw std::invalid_argument("the share of a round is not from 0 to 1");
  const double room = std::max(std::min(round_share, 0.5), neurons <= kSmall ? kRoom : kLittleRoom);
  return neurons + static_cast<std::size_t>(room * static_cast<double>(neurons)) + 1;
}

MergeReport merge_rounds(const Job& job, NeuronPairs& neurons, const MergeOptions& options) {
  if (neurons.size() < 2) return {};
  return Rounds(job, neurons, options).run();
}

}  // namespace herm
