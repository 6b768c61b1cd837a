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
    const Rounding input = rounding_of(block.input.dtype);
    const Rounding bias = block.has_bias ? rounding_of(block.bias.dtype) : Rounding{};
    symmetries(job, activation, loaded.view(), input, bias, classes.data(), groups.data());
  });
}

}  // namespace

void init_symmetry(Napi::Env env, Napi::Object exports) {
  export_function<symmetries_binding>(env, exports, "symmetries");
}

}  // namespace herm::binding
