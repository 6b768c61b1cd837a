// dense: one fully connected layer on a batch.
#include "kernels/dense.h"

#include "binding/promise_worker.h"

namespace herm::binding {

namespace {

// The bias `key` of `neurons` numbers, or nothing.
struct StoredBias {
  bool present;
  StoredMatrix stored;

  StoredBias(Args& args, const char* key, std::size_t neurons) : present(args.has(key)) {
    if (!present) return;
    stored = args.matrix(key);
    if (stored.rows * stored.cols != neurons) throw std::invalid_argument("the bias has not one number a neuron");
  }

  std::vector<double> load() const {
    std::vector<double> bias(present ? stored.rows * stored.cols : 0);
    if (present) widen(stored.dtype, stored.bytes, bias.size(), bias.data());
    return bias;
  }
};

const double* pointer(const StoredBias& stored, const std::vector<double>& bias) {
  return stored.present ? bias.data() : nullptr;
}

Napi::Value dense_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredMatrix weight = args.matrix("weight");
  const std::size_t batch = args.size("batch");
  const auto x = args.float64("x", checked_mul(batch, weight.width()));
  const auto y = args.float64("y", checked_mul(batch, weight.neurons()));
  const StoredBias bias(args, "bias", weight.neurons()), gate_bias(args, "gateBias", weight.neurons());
  const Activation activation = args.activation("activation");
  const bool gated = args.has("gate");
  const StoredMatrix gate_weight = gated ? args.matrix("gate") : StoredMatrix{};
  const Activation gate_activation = gated ? args.activation("gateActivation") : Activation{};
  if (gated && (gate_weight.neurons() != weight.neurons() || gate_weight.width() != weight.width()))
    throw std::invalid_argument("gates and values differ in size");
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const std::vector<double> b = bias.load(), g = gate_bias.load();
    const DenseGate gate{gate_activation, gate_weight, pointer(gate_bias, g)};
    dense(job, activation, {x.data(), batch, weight.width()}, weight, pointer(bias, b), gated ? &gate : nullptr,
          {y.data(), batch, weight.neurons()});
  });
}

}  // namespace

void init_dense(Napi::Env env, Napi::Object exports) { export_function<dense_binding>(env, exports, "dense"); }

}  // namespace herm::binding
