// encodeHierarchy, decodeHierarchy: roots and instructions as bits.
#include "kernels/hierarchy_code.h"

#include <algorithm>

#include "binding/promise_worker.h"

namespace herm::binding {

namespace {

std::string key(const char* side, const char* name) { return std::string(side) + name; }

HierarchySide side_arg(Args& args, const char* side, std::size_t nodes, std::size_t instructions) {
  HierarchySide arg;
  arg.dtype = args.dtype(key(side, "Dtype").c_str());
  arg.coefficients = args.uint16(key(side, "Coefficients").c_str(), checked_mul(2, instructions));
  arg.followed = args.bytes(key(side, "Followed").c_str(), instructions);
  arg.floors = args.uint16(key(side, "Floors").c_str(), nodes);
  arg.gains = args.float32(key(side, "Gains").c_str(), nodes);
  return arg;
}

HierarchyBiases biases_arg(Args& args, const char* words, const char* dtype) {
  HierarchyBiases arg;
  if (!args.has(words)) return arg;
  arg.words = args.bytes(words);
  arg.dtype = args.dtype(dtype);
  return arg;
}

Hierarchy hierarchy_arg(Args& args) {
  Hierarchy hierarchy;
  hierarchy.neurons = args.size("neurons");
  hierarchy.roots = args.size("roots");
  hierarchy.slots = args.uint32("slots");
  const std::size_t nodes = hierarchy.slots.size();
  hierarchy.leaf = args.bytes("leaf", nodes);
  hierarchy.costs = args.float32("costs");
  hierarchy.input = side_arg(args, "input", nodes, hierarchy.instructions());
  hierarchy.output = side_arg(args, "output", nodes, hierarchy.instructions());
  hierarchy.gated = args.has("gateCoefficients");
  if (hierarchy.gated) hierarchy.gate = side_arg(args, "gate", nodes, hierarchy.instructions());
  hierarchy.biases = biases_arg(args, "biases", "biasDtype");
  hierarchy.gate_biases = biases_arg(args, "gateBiases", "gateBiasDtype");
  return hierarchy;
}

// Resolves to the bytes of all levels; they are in `out` if it has room for them.
Napi::Value encode_hierarchy_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const Hierarchy hierarchy = hierarchy_arg(args);
  const std::span<const std::uint32_t> levels = args.uint32("levelInstructions");
  const std::span<std::uint32_t> sizes = args.uint32("sizes", levels.size());
  const std::span<std::uint8_t> out = args.bytes("out");
  auto size = std::make_shared<std::size_t>(0);
  return PromiseWorker::run(
      std::move(args),
      [=](const Job& job) {
        std::vector<std::uint64_t> bytes(levels.size());
        std::vector<std::uint8_t> coded;
        encode_hierarchy(job, hierarchy, levels, coded, bytes);
        std::transform(bytes.begin(), bytes.end(), sizes.begin(),
                       [](std::uint64_t length) { return static_cast<std::uint32_t>(length); });
        if (coded.size() <= out.size()) std::copy(coded.begin(), coded.end(), out.begin());
        *size = coded.size();
      },
      [=](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(*size)); });
}

Napi::Value decode_hierarchy_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const Hierarchy hierarchy = hierarchy_arg(args);
  const std::span<const std::uint32_t> levels = args.uint32("levelInstructions");
  const std::span<const std::uint32_t> sizes = args.uint32("sizes", levels.size());
  const std::span<const std::uint8_t> data = args.bytes("data");
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    decode_hierarchy(job, hierarchy, levels, data, std::vector<std::uint64_t>(sizes.begin(), sizes.end()));
  });
}

}  // namespace

void init_hierarchy_code(Napi::Env env, Napi::Object exports) {
  export_function<encode_hierarchy_binding>(env, exports, "encodeHierarchy");
  export_function<decode_hierarchy_binding>(env, exports, "decodeHierarchy");
}

}  // namespace herm::binding
