// sca, scaBlock, scaPairs: structural component analysis of any neurons, of a layer, of many pairs.
#include "kernels/sca.h"

#include <algorithm>
#include <memory>

#include "binding/promise_worker.h"
#include "kernels/threads.h"

namespace herm::binding {

namespace {

// For g neurons of width d and k = min(g, d): basis [k×d], shares and angles [k], coordinates [g×k]; filled up to the
// rank.
struct ScaOutputs {
  std::span<double> basis, shares, angles, coordinates;

  ScaOutputs(Args& args, std::size_t g, std::size_t d) {
    const std::size_t k = std::min(g, d);
    basis = args.float64("basis", checked_mul(k, d));
    shares = args.float64("shares", k);
    angles = args.float64("angles", k);
    coordinates = args.float64("coordinates", checked_mul(g, k));
  }

  // Coordinates become [g×rank]. Returns the rank.
  std::size_t write(const Sca& result) const {
    const std::size_t g = result.coordinates.rows();
    std::copy_n(result.basis.data(), result.rank * result.basis.cols(), basis.data());
    std::copy_n(result.shares.data(), result.rank, shares.data());
    std::copy_n(result.angles.data(), result.rank, angles.data());
    std::copy_n(result.coordinates.data(), g * result.rank, coordinates.data());
    return result.rank;
  }
};

// Width of the input part of a neuron's joint weights.
std::size_t joint_inputs(const StoredBlock& block) {
  return checked_mul(block.input.width() + 1, block.has_gate ? 2 : 1);
}

// Neurons as rows: (w_i, b_i, v_i) [m×(n+1+p)], or gated (g_i, b_gi, u_i, b_ui, v_i) [m×(2(n+1)+p)].
class JointWeights {
 public:
  JointWeights(const Job& job, const StoredBlock& block)
      : rows_(block.input.neurons()),
        cols_(joint_inputs(block) + block.output.width()),
        values_(std::make_unique_for_overwrite<double[]>(checked_mul(rows_, cols_))) {
    block.check();
    constexpr std::size_t kRows = 64;
    parallel_for(job, rows_, kRows, [&](std::size_t begin, std::size_t end) {
      std::size_t col = 0;
      const auto append = [&](const StoredMatrix& weights) {
        load_neurons(weights, begin, end, part(begin, end, col, weights.width()));
        col += weights.width();
      };
      const auto append_bias = [&](const StoredMatrix* bias) {
        const MutMatrix column = part(begin, end, col++, 1);
        if (bias) {
          load_neurons(as_column(*bias), begin, end, column);
        } else {
          for (std::size_t i = 0; i < column.rows; ++i) column(i, 0) = 0;
        }
      };
      if (block.has_gate) {
        append(block.gate);
        append_bias(block.has_gate_bias ? &block.gate_bias : nullptr);
      }
      append(block.input);
      append_bias(block.has_bias ? &block.bias : nullptr);
      append(block.output);
    });
  }

  MutMatrix view() const { return {values_.get(), rows_, cols_}; }

 private:
  MutMatrix part(std::size_t begin, std::size_t end, std::size_t col, std::size_t width) const {
    return {&values_[begin * cols_ + col], end - begin, width, cols_};
  }
  // Biases [1×m] as neurons of width 1.
  static StoredMatrix as_column(const StoredMatrix& bias) {
    return {bias.dtype, bias.bytes, bias.rows * bias.cols, 1, false};
  }

  std::size_t rows_, cols_;
  std::unique_ptr<double[]> values_;
};

PromiseWorker::Result number(const std::shared_ptr<std::size_t>& value) {
  return [value](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(*value)); };
}

Napi::Value sca_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const std::size_t g = args.size("count"), d = args.size("width"), inputs = args.size("inputs");
  const auto neurons = args.float64("neurons", checked_mul(g, d));
  const ScaOutputs out(args, g, d);
  const auto rank = std::make_shared<std::size_t>(0);
  return PromiseWorker::run(
      std::move(args), [=](const Job& job) { *rank = out.write(sca(job, {neurons.data(), g, d}, inputs)); },
      number(rank));
}

Napi::Value sca_block_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const std::size_t inputs = joint_inputs(block);
  const ScaOutputs out(args, block.input.neurons(), inputs + block.output.width());
  const auto rank = std::make_shared<std::size_t>(0);
  return PromiseWorker::run(
      std::move(args),
      [=](const Job& job) {
        const JointWeights z(job, block);
        *rank = out.write(sca(job, z.view(), inputs));
      },
      number(rank));
}

Napi::Value sca_pairs_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const auto pairs = args.uint32("pairs");
  const std::size_t count = pairs.size() / 2;
  const auto shares = args.float64("shares", 2 * count), angles = args.float64("angles", 2 * count);
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const JointWeights z(job, block);
    sca_pairs(job, z.view(), joint_inputs(block), pairs.data(), count, shares.data(), angles.data());
  });
}

}  // namespace

void init_sca(Napi::Env env, Napi::Object exports) {
  export_function<sca_binding>(env, exports, "sca");
  export_function<sca_block_binding>(env, exports, "scaBlock");
  export_function<sca_pairs_binding>(env, exports, "scaPairs");
}

}  // namespace herm::binding
