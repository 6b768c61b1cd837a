// mergeRounds: one block's merge tree.
#include "binding/promise_worker.h"
#include "kernels/merge_rounds.h"
#include "kernels/stored_block.h"

namespace herm::binding {

namespace {

struct TreeOutputs {
  std::span<std::uint32_t> pairs;
  std::span<std::uint16_t> alpha, beta;
  std::span<double> bias, cost;

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
    }
  }
};

Napi::Value merge_rounds_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const std::size_t m = block.input.neurons();
  if (m > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("too many neurons");
  const std::size_t merges = m > 0 ? m - 1 : 0;
  const TreeOutputs out{args.uint32("pairs", 2 * merges), args.uint16("alpha", 2 * merges),
                        args.uint16("beta", 2 * merges), args.float64("biasOut", merges), args.float64("cost", merges)};
  const Activation activation = args.activation("activation");
  const double share = args.number("roundShare");
  const bool plain = args.flag("plain");
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    if (m == 0) return;
    const LoadedBlock loaded(block);
    MergeState state(job, activation, {block.has_bias, block.bias.dtype}, loaded.view());
    out.write(plain ? merge_plain(job, state) : merge_rounds(job, state, share));
  });
}

}  // namespace

void init_merge(Napi::Env env, Napi::Object exports) {
  export_function<merge_rounds_binding>(env, exports, "mergeRounds");
}

}  // namespace herm::binding
