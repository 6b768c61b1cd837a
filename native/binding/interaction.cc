// interaction and refitOutput: a block's kernel, Gram matrix and their product, and the best output weights for any
// hidden neurons.
#include "kernels/interaction.h"

#include <algorithm>
#include <functional>

#include "binding/promise_worker.h"
#include "kernels/block_kernel.h"
#include "kernels/gram.h"
#include "kernels/refit.h"
#include "kernels/threads.h"

namespace herm::binding {

namespace {

// out = a ∘ b, all [m×m].
void multiply_entries(const Job& job, ConstMatrix a, ConstMatrix b, MutMatrix out) {
  constexpr std::size_t kRows = 16;  // rows a thread takes at a time
  parallel_for(job, out.rows, kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      std::transform(a.row(i), a.row(i) + a.cols, b.row(i), out.row(i), std::multiplies<>());
  });
}

Napi::Value interaction_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const Activation activation = args.activation("activation");
  const std::size_t m = block.input.neurons(), entries = checked_mul(m, m);
  const auto kernel = args.float64("kernel", entries);
  const auto output = args.float64("outputGram", entries);
  const auto product = args.float64("interaction", entries);
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LoadedBlock loaded(block);
    const BlockNeurons neurons = loaded.view();
    const HermiteExpander expander(activation, kSearchDegree);
    BlockKernel(job, expander, neurons).matrix(job, {kernel.data(), m, m});
    gram(job, neurons.output, {output.data(), m, m});
    multiply_entries(job, {kernel.data(), m, m}, {output.data(), m, m}, {product.data(), m, m});
  });
}

Napi::Value refit_output_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const Activation activation = args.activation("activation");
  const std::size_t k = args.size("width"), n = block.input.width(), p = block.output.width();
  const auto kept = args.float64("kept", checked_mul(k, n));
  const bool has_bias = args.has("keptBias");
  const auto kept_bias = has_bias ? args.float64("keptBias", k) : std::span<double>{};
  const auto refitted = args.float64("refitted", checked_mul(k, p));
  const double ridge = args.number("ridge");
  const bool has_samples = args.has("samples");
  const FitSamples samples = has_samples ? args.fit_samples("samples", n, p) : FitSamples{};
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LoadedBlock loaded(block);
    Matrix input(k, n);
    std::copy(kept.begin(), kept.end(), input.data());
    std::vector<double> bias(kept_bias.begin(), kept_bias.end());
    const auto neurons = [&] { return BlockNeurons{input.view(), bias.empty() ? nullptr : bias.data(), {}}; };
    NormalEquations sampled;
    if (has_samples) sampled = normal_equations(job, activation, neurons(), samples);
    block.prior.apply(input.view(), bias);
    const SampledFit fit{&sampled, samples.blend};
    refit(job, HermiteExpander(activation, kSearchDegree), loaded.view(), neurons(), ridge, {refitted.data(), k, p},
          has_samples ? &fit : nullptr);
  });
}

}  // namespace

void init_interaction(Napi::Env env, Napi::Object exports) {
  export_function<interaction_binding>(env, exports, "interaction");
  export_function<refit_output_binding>(env, exports, "refitOutput");
}

}  // namespace herm::binding
