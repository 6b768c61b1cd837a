// gid, gidBlock, gateSpectrum, pairGates: gated interaction decomposition of Gram matrices, of neurons of a block, of
// its layer, of many pairs.
#include "kernels/gid.h"

#include <algorithm>

#include "binding/promise_worker.h"
#include "kernels/block_gid.h"

namespace herm::binding {

namespace {

// For g neurons: gates [g], both mixings [g×g], their first `rank` rows filled.
struct GidOutputs {
  std::span<double> gates, input_mixing, output_mixing;

  GidOutputs(Args& args, std::size_t g) {
    gates = args.float64("gates", g);
    input_mixing = args.float64("inputMixing", checked_mul(g, g));
    output_mixing = args.float64("outputMixing", checked_mul(g, g));
  }

  // Returns the rank.
  std::size_t write(const Gid& result) const {
    const std::size_t g = result.gates.size();
    std::copy_n(result.gates.data(), g, gates.data());
    std::copy_n(result.input_mixing.data(), result.rank * g, input_mixing.data());
    std::copy_n(result.output_mixing.data(), result.rank * g, output_mixing.data());
    return result.rank;
  }
};

PromiseWorker::Result number(const std::shared_ptr<std::size_t>& value) {
  return [value](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(*value)); };
}

Napi::Value gid_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const std::size_t g = args.size("count");
  const auto kernel = args.float64("kernel", checked_mul(g, g));
  const auto output_gram = args.float64("outputGram", checked_mul(g, g));
  const GidOutputs out(args, g);
  const auto rank = std::make_shared<std::size_t>(0);
  return PromiseWorker::run(
      std::move(args),
      [=](const Job& job) { *rank = out.write(gid(job, {kernel.data(), g, g}, {output_gram.data(), g, g})); },
      number(rank));
}

Napi::Value gid_block_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const Activation activation = args.activation("activation");
  const auto neurons = args.uint32("neurons");
  const std::size_t g = neurons.size(), entries = checked_mul(g, g);
  const auto kernel = args.float64("kernel", entries), output_gram = args.float64("outputGram", entries);
  const GidOutputs out(args, g);
  const auto rank = std::make_shared<std::size_t>(0);
  return PromiseWorker::run(
      std::move(args),
      [=](const Job& job) {
        const LoadedBlock loaded(block);
        const NeuronGid result = block_gid(job, activation, loaded.view(), {neurons.begin(), neurons.end()});
        std::copy_n(result.phi.data(), entries, kernel.data());
        std::copy_n(result.h.data(), entries, output_gram.data());
        *rank = out.write(result.gid);
      },
      number(rank));
}

Napi::Value gate_spectrum_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const Activation activation = args.activation("activation");
  const auto gates = args.float64("gates", block.input.neurons());
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LoadedBlock loaded(block);
    block_gate_spectrum(job, activation, loaded.view(), gates.data());
  });
}

Napi::Value pair_gates_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const Activation activation = args.activation("activation");
  const auto pairs = args.uint32("pairs");
  const std::size_t count = pairs.size() / 2;
  const auto gates = args.float64("gates", 2 * count);
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LoadedBlock loaded(block);
    block_pair_gates(job, activation, loaded.view(), pairs.data(), count, gates.data());
  });
}

}  // namespace

void init_gid(Napi::Env env, Napi::Object exports) {
  export_function<gid_binding>(env, exports, "gid");
  export_function<gid_block_binding>(env, exports, "gidBlock");
  export_function<gate_spectrum_binding>(env, exports, "gateSpectrum");
  export_function<pair_gates_binding>(env, exports, "pairGates");
}

}  // namespace herm::binding
