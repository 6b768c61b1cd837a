// symmetries: which neurons of a block merge for nothing.
#include "kernels/symmetry.h"

#include "binding/promise_worker.h"

namespace herm::binding {

namespace {

Napi::Value symmetries_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const Activation activation = args.activation("activation");
  const std::size_t m = block.input.neurons();
  const auto classes = args.bytes("classes", m);
  const auto groups = args.uint32("groups", m);
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LoadedBlock loaded(block);
    BlockRounding rounding{rounding_of(block.input.dtype), {}, {}, {}};
    if (block.has_bias) rounding.bias = rounding_of(block.bias.dtype);
    if (block.has_gate) rounding.gate = rounding_of(block.gate.dtype);
    if (block.has_gate_bias) rounding.gate_bias = rounding_of(block.gate_bias.dtype);
    symmetries(job, activation, loaded.view(), rounding, classes.data(), groups.data());
  });
}

}  // namespace

void init_symmetry(Napi::Env env, Napi::Object exports) {
  export_function<symmetries_binding>(env, exports, "symmetries");
}

}  // namespace herm::binding
