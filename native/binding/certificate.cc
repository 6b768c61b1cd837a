// certify and refitSkeleton: what widths cost, and the best output weights for one.
#include "kernels/certificate.h"

#include "binding/promise_worker.h"

namespace herm::binding {

namespace {

TreeView tree_of(Args& args) {
  TreeView tree;
  tree.pairs = args.uint32("pairs");
  tree.alpha = args.uint16("alpha", tree.pairs.size());
  tree.beta = args.uint16("beta", tree.pairs.size());
  tree.bias = args.float64("parentBias", tree.merges());
  if (!args.has("gateAlpha")) return tree;
  tree.gate_alpha = args.uint16("gateAlpha", tree.pairs.size());
  tree.gate_bias = args.float64("parentGateBias", tree.merges());
  return tree;
}

Napi::Value certify_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const TreeView tree = tree_of(args);
  const Activation activation = args.activation("activation");
  const auto widths = args.uint32("widths");
  const auto errors = args.float64("errors", widths.size());
  return PromiseWorker::run(std::move(args),
                            [=](const Job& job) { certify(job, activation, block, tree, widths, errors); });
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
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    error[0] = refit_skeleton(job, activation, block, tree, width, ridge, words);
  });
}

}  // namespace

void init_certificate(Napi::Env env, Napi::Object exports) {
  export_function<certify_binding>(env, exports, "certify");
  export_function<refit_skeleton_binding>(env, exports, "refitSkeleton");
}

}  // namespace herm::binding
