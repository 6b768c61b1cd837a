#include "kernels/refit_rounds.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <queue>
#include <stdexcept>
#include <tuple>

#include "kernels/gram.h"
#include "kernels/living_kernel.h"
#include "kernels/refit_span.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr double kRidge = 1e-6;       // what single precision leaves of the kernel
constexpr std::size_t kPartners = 2;  // that every neuron offers by their bounds
constexpr std::size_t kBounded = 3;   // pairs looked at for every merge of a round, by their bounds
constexpr std::size_t kNearest = 2;   // and neurons that go by themselves, with the one most like them
constexpr std::size_t kRows = 8;      // neurons or pairs that a thread takes at a time
constexpr std::uint32_t kGone = std::numeric_limits<std::uint32_t>::max();

using Clock = std::chrono::steady_clock;

// Two neurons by their index in the round's span.
struct Offer {
  double cost;
  std::uint32_t owner, partner;
  std::size_t version = 0;  // merges of the round that the cost knows of
  ParentKernel kernel{};

  bool operator<(const Offer& other) const {
    return std::tie(cost, owner, partner) < std::tie(other.cost, other.owner, other.partner);
  }
  bool operator>(const Offer& other) const { return other < *this; }
};

class RefitRounds {
 public:
  RefitRounds(const Job& job, NeuronPairs& neurons, double share)
      : job_(job), neurons_(neurons), kernel_(job, neurons), share_(share), living_(neurons.size()) {
    for (std::uint32_t p = 0; p < living_.size(); ++p) living_[p] = p;
    targets_ = targets();
    lap(MergeReport::kGram);
  }

  MergeReport run() {
    const auto goal = static_cast<double>(living_.size());
    while (living_.size() > 1) {
      job_.check();
      round();
      ++report_.rounds;
      job_.progress(1 - static_cast<double>(living_.size() - 1) / goal);
    }
    return report_;
  }

 private:
  void lap(MergeReport::Phase phase) {
    const auto now = Clock::now();
    report_.seconds[phase] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

  Matrix kernel() const {
    Matrix phi(living_.size(), living_.size());
    parallel_for(job_, living_.size(), kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t j = 0; j < living_.size(); ++j) phi(i, j) = kernel_(living_[i], living_[j]);
    });
    return phi;
  }

  // T = Φ V of the block's own neurons.
  Matrix targets() const {
    const UnitRows& side = neurons_.side(neurons_.kinds().back().row_side);
    const auto rows = side.view();
    Matrix outputs(rows.rows, rows.cols), result(rows.rows, rows.cols);
    for (std::size_t i = 0; i < rows.rows; ++i)
      for (std::size_t c = 0; c < rows.cols; ++c)
        outputs(i, c) = neurons_.output_norm(i) * static_cast<double>(rows(i, c));
    multiply(job_, kernel().view(), outputs.view(), result.view());
    return result;
  }

  void round() {
    const std::size_t k = living_.size();
    RefitSpan span(job_, kernel(), std::move(targets_), kRidge);
    lap(MergeReport::kUpdate);
    const auto limit = std::clamp<std::size_t>(static_cast<std::size_t>(share_ * static_cast<double>(k)), 1, k / 2);
    std::vector<Offer> offers = find(span, limit);
    report_.counts.scans += k;
    lap(MergeReport::kSweep);
    parallel_for(job_, offers.size(), kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t t = begin; t < end; ++t) look(span, offers[t]);
    });
    report_.counts.estimates += offers.size();
    lap(MergeReport::kMatch);
    take(span, std::move(offers), limit);
    close(span);
  }

  // The pairs that promise most: by their bounds, and the neurons that all others replace best with the one most like
  // each.
  std::vector<Offer> find(const RefitSpan& span, std::size_t limit) const {
    const std::size_t k = living_.size();
    std::vector<double> alone(k);
    parallel_for(job_, k, kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) alone[i] = span.loss_without(i);
    });
    Matrix outputs(k, k);
    gram(job_, span.outputs().view(), outputs.view());
    std::vector<std::array<Offer, kPartners>> partners(k);
    std::vector<Offer> nearest(k);
    parallel_for(job_, k, kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        std::tie(partners[i], nearest[i]) = partners_of(static_cast<std::uint32_t>(i), span, outputs, alone);
    });
    std::vector<Offer> bounded, result;
    for (const auto& list : partners) bounded.insert(bounded.end(), list.begin(), list.end());
    for (const auto& [offers, count] : {std::pair{&bounded, kBounded * limit}, std::pair{&nearest, kNearest * limit}}) {
      std::erase_if(*offers, [](const Offer& offer) { return offer.partner == kGone; });
      std::sort(offers->begin(), offers->end());
      result.insert(result.end(), offers->begin(),
                    offers->begin() + static_cast<std::ptrdiff_t>(std::min(count, offers->size())));
    }
    return result;
  }

  // Of neurons that the others replace less well: those with the smallest bounds, and the one that could absorb i best.
  std::pair<std::array<Offer, kPartners>, Offer> partners_of(std::uint32_t i, const RefitSpan& span,
                                                             const Matrix& outputs,
                                                             const std::vector<double>& alone) const {
    const Offer none{INFINITY, i, kGone};
    std::array<Offer, kPartners> best;
    best.fill(none);
    Offer nearest{alone[i], i, kGone};
    double likest = -1;
    for (std::uint32_t j = 0; j < alone.size(); ++j) {
      if (j == i || alone[j] < alone[i] || (alone[j] == alone[i] && j < i)) continue;
      const Remainder left = span.remainder(i, j, {outputs(i, i), outputs(i, j), outputs(j, j)});
      Offer offer{sigma2_squared(left.phi, left.output), i, j};
      for (Offer& held : best)
        if (offer < held) std::swap(offer, held);
      const double cross = kernel_(living_[i], living_[j]), own = kernel_(living_[j], living_[j]);
      const double like = own > 0 ? cross / own * cross : 0;
      if (like <= likest) continue;
      likest = like;
      nearest.partner = j;
    }
    return {best, nearest};
  }

  void look(const RefitSpan& span, Offer& offer) const {
    const Remainder left = span.remainder(offer.owner, offer.partner);
    const RefitLoss found = neurons_.refit_loss(living_[offer.owner], living_[offer.partner], left);
    offer.cost = found.loss;
    offer.kernel = found.kernel;
  }

  void take(RefitSpan& span, std::vector<Offer> offers, std::size_t limit) {
    std::priority_queue<Offer, std::vector<Offer>, std::greater<>> queue(std::greater<>(), std::move(offers));
    std::vector<char> taken(living_.size());
    std::size_t merged = 0;
    while (merged < limit && !queue.empty()) {
      Offer offer = queue.top();
      queue.pop();
      if (taken[offer.owner] || taken[offer.partner]) continue;
      if (offer.version < merged) {
        look(span, offer);
        ++report_.counts.estimates;
        offer.version = merged;
        queue.push(offer);
        continue;
      }
      job_.check();
      taken[offer.owner] = taken[offer.partner] = 1;
      merge(span, offer);
      ++merged;
    }
    lap(MergeReport::kOperator);
  }

  void merge(RefitSpan& span, const Offer& offer) {
    const Remainder left = span.remainder(offer.owner, offer.partner);
    const std::uint32_t first = living_[offer.owner], second = living_[offer.partner];
    const auto parent = static_cast<std::uint32_t>(neurons_.size());
    neurons_.begin_merges(1);
    neurons_.merge(0, first, second, &left);
    neurons_.end_merges();
    living_[offer.owner] = parent;
    living_[offer.partner] = kGone;
    std::vector<std::uint32_t> others;
    for (const std::uint32_t q : living_)
      if (q != kGone) others.push_back(q);
    kernel_.add(parent, first, others);
    std::vector<double> phi(living_.size());
    for (std::size_t q = 0; q < living_.size(); ++q)
      if (living_[q] != kGone) phi[q] = kernel_(parent, living_[q]);
    phi[offer.owner] = offer.kernel.cross[0];
    phi[offer.partner] = offer.kernel.cross[1];
    span.merge(offer.owner, offer.partner, phi.data(), kernel_(parent, parent));
  }

  // Those that live on, and their targets.
  void close(const RefitSpan& span) {
    std::vector<std::uint32_t> kept;
    for (std::uint32_t i = 0; i < living_.size(); ++i)
      if (living_[i] != kGone) kept.push_back(i);
    targets_ = Matrix(kept.size(), span.targets().cols());
    for (std::size_t i = 0; i < kept.size(); ++i)
      std::copy_n(span.targets().row(kept[i]), targets_.cols(), targets_.row(i));
    std::erase(living_, kGone);
  }

  const Job job_;
  NeuronPairs& neurons_;
  LivingKernel kernel_;
  double share_;
  std::vector<std::uint32_t> living_;  // positions by index in the round's span; kGone for what has merged in it
  Matrix targets_;
  MergeReport report_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

MergeReport merge_for_refit(const Job& job, NeuronPairs& neurons, double round_share) {
  if (!(round_share >= 0 && round_share <= 1)) throw std::invalid_argument("the share of a round is not from 0 to 1");
  if (neurons.size() < 2) return {};
  return RefitRounds(job, neurons, round_share).run();
}

}  // namespace herm
