// interaction and refitOutput: a block's kernel and Gram matrix, and the best output weights for any hidden neurons.
#include "kernels/interaction.h"

#include "binding/promise_worker.h"
#include "kernels/gram.h"
#include "kernels/refit.h"

namespace herm::binding {

namespace {

Napi::Value interaction_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const Activation activation = args.activation("activation");
  const std::size_t m = block.input.neurons(), entries = checked_mul(m, m);
  const auto kernel = args.float64("kernel", entries);
  const auto output = args.float64("outputGram", entries);
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LoadedBlock loaded(block);
    const BlockNeurons neurons = loaded.view();
    const HermiteExpander expander(activation, kSearchDegree);
    Matrix input(m, m);
    gram(job, neurons.input, input.view());
    std::vector<double> squared_dev(m), mean(m, 0);
    for (std::size_t i = 0; i < m; ++i) squared_dev[i] = input(i, i);
    if (neurons.bias) std::copy_n(neurons.bias, m, mean.begin());
    const InputNeurons series = expand_neurons(job, expander, squared_dev.data(), mean.data(), m);
    kernel_matrix(job, series, input.view(), {kernel.data(), m, m});
    gram(job, neurons.output, {output.data(), m, m});
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
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LoadedBlock loaded(block);
    refit(job, HermiteExpander(activation, kSearchDegree), loaded.view(), {kept.data(), k, n},
          has_bias ? kept_bias.data() : nullptr, ridge, {refitted.data(), k, p});
  });
}

}  // namespace

void init_interaction(Napi::Env env, Napi::Object exports) {
  exports.Set("interaction", Napi::Function::New(env, interaction_binding, "interaction"));
  exports.Set("refitOutput", Napi::Function::New(env, refit_output_binding, "refitOutput"));
}

}  // namespace herm::binding
