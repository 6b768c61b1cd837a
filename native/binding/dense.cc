// dense: one fully connected layer on a batch.
#include "kernels/dense.h"

#include "binding/promise_worker.h"

namespace herm::binding {

namespace {

Napi::Value dense_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredMatrix weight = args.matrix("weight");
  const std::size_t batch = args.size("batch");
  const auto x = args.float64("x", checked_mul(batch, weight.width()));
  const auto y = args.float64("y", checked_mul(batch, weight.neurons()));
  const bool has_bias = args.has("bias");
  const StoredMatrix bias = has_bias ? args.matrix("bias") : StoredMatrix{};
  if (has_bias && bias.rows * bias.cols != weight.neurons())
    throw std::invalid_argument("the bias has not one number a neuron");
  const Activation activation = args.activation("activation");
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    std::vector<double> b(has_bias ? weight.neurons() : 0);
    widen(bias.dtype, bias.bytes, b.size(), b.data());
    dense(job, activation, {x.data(), batch, weight.width()}, weight, has_bias ? b.data() : nullptr,
          {y.data(), batch, weight.neurons()});
  });
}

}  // namespace

void init_dense(Napi::Env env, Napi::Object exports) { export_function<dense_binding>(env, exports, "dense"); }

}  // namespace herm::binding
