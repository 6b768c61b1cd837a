// tensorShift, loadLanes, storeLanes, mergeLanes, forwardLanes, inverseLanes: exact coding of one tree over one tensor.
#include "kernels/exact_tree.h"

#include "binding/promise_worker.h"
#include "kernels/lane_copy.h"

namespace herm::binding {

namespace {

// `key` holds count·length words of the dtype.
std::uint8_t* words_arg(Args& args, const char* key, DType dtype, std::size_t count, std::size_t length) {
  return args.bytes(key, checked_mul(checked_mul(count, length), dtype_bytes(dtype))).data();
}

std::span<const std::uint8_t> optional_bytes(Args& args, const char* key, std::size_t length) {
  if (!args.has(key)) return {};
  return args.bytes(key, length);
}

Lanes lanes_arg(Args& args) {
  Lanes lanes;
  lanes.dtype = args.dtype("dtype");
  lanes.shift = static_cast<int>(std::min<std::size_t>(args.size("shift"), 64));
  lanes.lanes = args.size("laneCount");
  lanes.length = args.size("length");
  lanes.words = words_arg(args, "lanes", lanes.dtype, lanes.lanes, lanes.length);
  lanes.coarse = args.bytes("coarse", lanes.lanes);
  lanes.element_coarse = optional_bytes(args, "elementCoarse", lanes.length);
  return lanes;
}

LaneTree tree_arg(Args& args) {
  const std::span<const std::uint32_t> pairs = args.uint32("pairs");
  return {pairs, args.uint16("coefficients", pairs.size())};
}

Napi::Value tensor_shift_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const DType dtype = args.dtype("dtype");
  const std::span<const std::uint8_t> data = args.bytes("data");
  auto shift = std::make_shared<int>(0);
  return PromiseWorker::run(
      std::move(args),
      [=](const Job& job) {
        if (data.size() % dtype_bytes(dtype) != 0) throw std::invalid_argument("data must hold whole numbers");
        *shift = tensor_shift(job, dtype, data.data(), data.size() / dtype_bytes(dtype));
      },
      [=](Napi::Env env) { return Napi::Number::New(env, *shift); });
}

Napi::Value load_lanes_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredMatrix source = args.matrix("source");
  std::uint8_t* lanes = words_arg(args, "lanes", source.dtype, source.neurons(), source.width());
  return PromiseWorker::run(std::move(args), [=](const Job& job) { load_lanes(job, source, lanes); });
}

Napi::Value store_lanes_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const DType dtype = args.dtype("dtype");
  const LaneSelection selection{dtype_bytes(dtype), args.size("laneCount"), args.size("length"), args.uint32("slots"),
                                args.uint32("elements")};
  const std::uint8_t* lanes = words_arg(args, "lanes", dtype, selection.lanes, selection.length);
  std::uint8_t* out = words_arg(args, "out", dtype, selection.slots.size(), selection.elements.size());
  const bool transposed = args.flag("transposed");
  return PromiseWorker::run(std::move(args),
                            [=](const Job& job) { store_lanes(job, selection, lanes, transposed, out); });
}

Napi::Value merge_lanes_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const Lanes lanes = lanes_arg(args);
  const LaneTree tree = tree_arg(args);
  const std::size_t from = args.size("from"), to = args.size("to");
  return PromiseWorker::run(std::move(args), [=](const Job& job) { merge_lanes(job, lanes, tree, from, to); });
}

Napi::Value forward_lanes_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const Lanes lanes = lanes_arg(args);
  const LaneTree tree = tree_arg(args);
  const std::span<std::uint8_t> flags = args.bytes("flags", tree.merges());
  std::uint8_t* indexes = words_arg(args, "indexes", lanes.dtype, tree.merges(), lanes.length);
  return PromiseWorker::run(std::move(args), [=](const Job& job) { forward_lanes(job, lanes, tree, flags, indexes); });
}

Napi::Value inverse_lanes_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const Lanes lanes = lanes_arg(args);
  const LaneTree tree = tree_arg(args);
  const std::size_t from = args.size("from"), to = args.size("to");
  const std::span<const std::uint8_t> flags = args.bytes("flags", tree.merges());
  const std::uint8_t* indexes = words_arg(args, "indexes", lanes.dtype, tree.merges(), lanes.length);
  const std::span<const std::uint8_t> present = optional_bytes(args, "present", lanes.length);
  return PromiseWorker::run(
      std::move(args), [=](const Job& job) { inverse_lanes(job, lanes, tree, from, to, flags, indexes, present); });
}

}  // namespace

void init_exact_tree(Napi::Env env, Napi::Object exports) {
  export_function<tensor_shift_binding>(env, exports, "tensorShift");
  export_function<load_lanes_binding>(env, exports, "loadLanes");
  export_function<store_lanes_binding>(env, exports, "storeLanes");
  export_function<merge_lanes_binding>(env, exports, "mergeLanes");
  export_function<forward_lanes_binding>(env, exports, "forwardLanes");
  export_function<inverse_lanes_binding>(env, exports, "inverseLanes");
}

}  // namespace herm::binding
