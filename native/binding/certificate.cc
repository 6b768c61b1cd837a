// certify, refitSkeleton and skeletonWeights: what widths cost, the best output weights for one, and its weights.
#include "kernels/certificate.h"

#include <algorithm>
#include <optional>

#include "binding/promise_worker.h"
#include "binding/tree_args.h"

namespace herm::binding {

namespace {

std::optional<FitSamples> samples_of(Args& args, const StoredBlock& block) {
  if (!args.has("samples")) return std::nullopt;
  return args.fit_samples("samples", block.input.width(), block.output.width());
}

Napi::Value certify_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const TreeView tree = tree_of(args);
  const Activation activation = args.activation("activation");
  const auto widths = args.uint32("widths");
  const auto errors = args.float64("errors", widths.size());
  const auto samples = samples_of(args, block);
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    certify(job, activation, block, tree, widths, errors, samples ? &*samples : nullptr);
  });
}

Napi::Value refit_skeleton_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const TreeView tree = tree_of(args);
  const Activation activation = args.activation("activation");
  const std::size_t width = args.size("width");
  const double ridge = args.number("ridge");
  const auto words = args.bytes("refitted");
  const auto error = args.float64("error", 1);
  const auto samples = samples_of(args, block);
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    error[0] = refit_skeleton(job, activation, block, tree, width, ridge, words, samples ? &*samples : nullptr);
  });
}

// The weights of the skeleton of one width in double, neurons as rows.
Napi::Value skeleton_weights_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const TreeView tree = tree_of(args);
  const std::size_t k = args.size("width"), n = block.input.width(), p = block.output.width();
  const auto input = args.float64("inputOut", checked_mul(k, n)), output = args.float64("outputOut", checked_mul(k, p));
  const auto bias = args.float64("biasOut", block.has_bias ? k : 0);
  const auto gate = args.float64("gateOut", block.has_gate ? checked_mul(k, n) : 0);
  const auto gate_bias = args.float64("gateBiasOut", block.has_gate_bias ? k : 0);
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    SkeletonWalk walk(job, block, tree);
    walk.narrow_to(job, k);
    const auto weights = walk.weights();
    std::copy_n(weights.input.data(), input.size(), input.data());
    std::copy_n(weights.output.data(), output.size(), output.data());
    std::copy_n(weights.bias.data(), bias.size(), bias.data());
    std::copy_n(weights.gate.data(), gate.size(), gate.data());
    std::copy_n(weights.gate_bias.data(), gate_bias.size(), gate_bias.data());
  });
}

}  // namespace

void init_certificate(Napi::Env env, Napi::Object exports) {
  export_function<certify_binding>(env, exports, "certify");
  export_function<refit_skeleton_binding>(env, exports, "refitSkeleton");
  export_function<skeleton_weights_binding>(env, exports, "skeletonWeights");
}

}  // namespace herm::binding
