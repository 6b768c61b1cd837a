// mergeRounds: one block's merge tree.
#include "binding/promise_worker.h"
#include "kernels/merge_block.h"

namespace herm::binding {

namespace {

struct TreeOutputs {
  std::span<std::uint32_t> pairs;
  std::span<std::uint16_t> alpha, beta;
  std::span<double> bias, cost;
  std::span<std::uint16_t> gate_alpha;  // empty for blocks without gates
  std::span<double> gate_bias;

  // `merges` entries fit: the arrays were checked to hold m − 1.
  void write(const std::vector<Merge>& merges) const {
    for (std::size_t t = 0; t < merges.size(); ++t) {
      const Merge& merge = merges[t];
      pairs[2 * t] = merge.i;
      pairs[2 * t + 1] = merge.j;
      for (std::size_t k = 0; k < 2; ++k) {
        alpha[2 * t + k] = merge.alpha[k];
        beta[2 * t + k] = merge.beta[k];
      }
      bias[t] = merge.bias;
      cost[t] = merge.cost;
      if (gate_alpha.empty()) continue;
      gate_alpha[2 * t] = merge.gate_alpha[0];
      gate_alpha[2 * t + 1] = merge.gate_alpha[1];
      gate_bias[t] = merge.gate_bias;
    }
  }
};

// report [10]: seconds of every phase, rounds, scans, estimates.
void write_report(const MergeReport& report, std::span<double> out) {
  std::copy(report.seconds.begin(), report.seconds.end(), out.begin());
  out[MergeReport::kPhases] = static_cast<double>(report.rounds);
  out[MergeReport::kPhases + 1] = static_cast<double>(report.counts.scans);
  out[MergeReport::kPhases + 2] = static_cast<double>(report.counts.estimates);
}

Napi::Value merge_rounds_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const std::size_t m = block.input.neurons();
  if (m > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("too many neurons");
  const std::size_t merges = m > 0 ? m - 1 : 0;
  TreeOutputs out{args.uint32("pairs", 2 * merges),
                  args.uint16("alpha", 2 * merges),
                  args.uint16("beta", 2 * merges),
                  args.float64("biasOut", merges),
                  args.float64("cost", merges),
                  {},
                  {}};
  if (block.has_gate) {
    out.gate_alpha = args.uint16("gateAlpha", 2 * merges);
    out.gate_bias = args.float64("gateBiasOut", merges);
  }
  const Activation activation = args.activation("activation");
  const MergeOptions options{args.number("roundShare"), args.flag("plain"), args.flag("refit"), args.flag("stored")};
  const std::span<double> report = args.float64("report", MergeReport::kPhases + 3);
  const bool has_samples = args.has("samples");
  const InputSamples samples = has_samples ? args.samples("samples", block.input.width()) : InputSamples{};
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    if (m == 0) return;
    const MergeOutcome outcome = merge_block(job, activation, block, options, has_samples ? &samples : nullptr);
    write_report(outcome.report, report);
    out.write(outcome.merges);
  });
}

Napi::Value measure_gram_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  auto seconds = std::make_shared<double>(0);
  return PromiseWorker::run(
      std::move(args), [=](const Job& job) { *seconds = measure_gram(job, block); },
      [seconds](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, *seconds); });
}

}  // namespace

void init_merge(Napi::Env env, Napi::Object exports) {
  export_function<merge_rounds_binding>(env, exports, "mergeRounds");
  export_function<measure_gram_binding>(env, exports, "measureGram");
}

}  // namespace herm::binding
