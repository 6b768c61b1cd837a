#include "kernels/merge_block.h"

#include <chrono>
#include <memory>

#include "kernels/gated_pairs.h"
#include "kernels/gram.h"
#include "kernels/plain_pairs.h"
#include "kernels/refit_rounds.h"
#include "kernels/sample_rounds.h"
#include "kernels/threads.h"

namespace herm {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// [m×n] of any numbers: multiplying takes the same time.
std::vector<float> load_floats(const Job& job, const StoredMatrix& stored) {
  const RowReader reader(job, stored);
  std::vector<float> floats(checked_mul(reader.rows(), reader.width()));
  Matrix row(1, reader.width());
  for (std::size_t i = 0; i < reader.rows(); ++i) {
    reader.read(i, i + 1, row.view());
    for (std::size_t c = 0; c < reader.width(); ++c) floats[i * reader.width() + c] = static_cast<float>(row(0, c));
  }
  return floats;
}

}  // namespace

MergeOutcome merge_block(const Job& call, const Activation& activation, const StoredBlock& block,
                         const MergeOptions& options, const InputSamples* samples) {
  block.check();
  const auto start = Clock::now();
  ThreadTeam team(call);
  const Job job = call.with_team(&team);
  // Rows that are multiplied whenever they are read have to lie in order.
  const std::size_t m = block.input.neurons();
  // On samples and for refits no position is given up, so that there is one for every parent.
  const RowRoom room = samples || options.refit ? RowRoom{2 * m, false}
                                                : RowRoom{merge_capacity(m, options.round_share), !options.stored};
  std::unique_ptr<NeuronPairs> neurons;
  if (block.has_gate) {
    neurons = std::make_unique<GatedPairs>(job, activation, block, room, samples);
  } else {
    neurons = std::make_unique<PlainPairs>(job, activation, block, room, samples);
  }
  const double load = seconds_since(start);
  MergeOutcome outcome{{},
                       options.refit ? merge_for_refit(job, *neurons, options.round_share)
                       : samples     ? merge_on_samples(job, *neurons, options.round_share)
                                     : merge_rounds(job, *neurons, options)};
  outcome.report.seconds[MergeReport::kLoad] = load;
  outcome.merges = neurons->merges();
  return outcome;
}

double measure_gram(const Job& job, const StoredBlock& block) {
  block.check();
  const std::size_t m = block.input.neurons();
  std::vector<StoredMatrix> stored{block.input, block.output};
  if (block.has_gate) stored.push_back(block.gate);
  std::vector<std::vector<float>> sides;
  sides.reserve(stored.size());
  for (const StoredMatrix& side : stored) sides.push_back(load_floats(job, side));
  std::vector<float> out(checked_mul(m, m));  // touched by its creation
  const auto view = [&](std::size_t s) { return MatrixView<const float>(sides[s].data(), m, stored[s].width()); };
  const auto start = Clock::now();
  for (std::size_t s = 0; s < sides.size(); ++s) gram_upper(job, view(s), MatrixView<float>(out.data(), m, m));
  if (block.has_gate) cross_gram(job, view(2), view(0), MatrixView<float>(out.data(), m, m));
  return seconds_since(start);
}

}  // namespace herm
