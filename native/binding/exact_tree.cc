// tensorShift, loadLanes, storeLanes, mergeLanes, unfoldLanes, splitNearest, applyGains: exact coding of one tree over
// one tensor.
#include "kernels/exact_tree.h"

#include <algorithm>

#include "binding/promise_worker.h"
#include "kernels/lane_copy.h"
#include "kernels/lane_gains.h"
#include "kernels/nearest_splits.h"
#include "kernels/tensor_grid.h"

namespace herm::binding {

namespace {

// `key` holds count·length words of the dtype.
std::uint8_t* words_arg(Args& args, const char* key, DType dtype, std::size_t count, std::size_t length) {
  return args.bytes(key, checked_mul(checked_mul(count, length), dtype_bytes(dtype))).data();
}

Lanes lanes_arg(Args& args) {
  Lanes lanes;
  lanes.dtype = args.dtype("dtype");
  lanes.shift = static_cast<int>(std::min<std::size_t>(args.size("shift"), 64));
  lanes.lanes = args.size("laneCount");
  lanes.length = args.size("length");
  lanes.words = words_arg(args, "lanes", lanes.dtype, lanes.lanes, lanes.length);
  if (args.has("elementFloors")) lanes.element_floors = args.uint16("elementFloors", lanes.length);
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
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LanePlan plan = plan_lanes(job, lanes, tree);
    merge_lanes(job, lanes, tree, plan, 0, tree.merges());
    const std::vector<float> gains = gains_after(tree, plan, lanes.lanes, tree.merges());
    apply_gains(job, {lanes.dtype, lanes.shift, lanes.lanes, lanes.length, gains, {}, lanes.words});
  });
}

Napi::Value unfold_lanes_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const Lanes lanes = lanes_arg(args);
  const LaneTree tree = tree_arg(args);
  const std::size_t merges = tree.merges();
  if (merges > lanes.lanes) throw std::invalid_argument("a tree has fewer merges than lanes");
  std::uint8_t* nodes = words_arg(args, "nodes", lanes.dtype, lanes.lanes + merges, lanes.length);
  const NodeNotes notes{args.uint16("floors", lanes.lanes + merges), args.float32("gains", lanes.lanes + merges),
                        args.uint16("coefficientsOut", tree.coefficients.size()), args.bytes("followed", merges)};
  const std::span<std::uint8_t> shifts = args.bytes("elementShifts", lanes.length);
  const bool even = args.flag("evenElements");
  return PromiseWorker::run(std::move(args), [=](const Job& job) {
    const LanePlan plan = plan_lanes(job, lanes, tree, even);
    unfold_nodes(job, lanes, tree, plan, nodes, notes);
    std::copy(plan.element_shifts.begin(), plan.element_shifts.end(), shifts.begin());
  });
}

Napi::Value split_nearest_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  NearestSplits splits;
  splits.dtype = args.dtype("dtype");
  splits.shift = static_cast<int>(std::min<std::size_t>(args.size("shift"), 64));
  splits.length = args.size("length");
  splits.lanes = args.size("laneCount");
  splits.positions = args.uint32("positions");
  splits.coefficients = args.uint16("coefficients", splits.positions.size());
  splits.gains = args.float32("gains", splits.positions.size());
  splits.floors = args.uint16("floors", splits.positions.size());
  splits.followed_second = args.bytes("followedSecond", splits.positions.size() / 2);
  splits.words = words_arg(args, "lanes", splits.dtype, splits.lanes, splits.length);
  return PromiseWorker::run(std::move(args), [=](const Job& job) { split_nearest(job, splits); });
}

Napi::Value apply_gains_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const Lanes lanes = lanes_arg(args);
  LaneGains gains{lanes.dtype, lanes.shift, lanes.lanes, lanes.length, {}, {}, lanes.words};
  if (args.has("gains")) gains.gains = args.float32("gains", lanes.lanes);
  if (args.has("elementGains")) gains.element_gains = args.float32("elementGains", lanes.length);
  return PromiseWorker::run(std::move(args), [=](const Job& job) { apply_gains(job, gains); });
}

}  // namespace

void init_exact_tree(Napi::Env env, Napi::Object exports) {
  export_function<tensor_shift_binding>(env, exports, "tensorShift");
  export_function<load_lanes_binding>(env, exports, "loadLanes");
  export_function<store_lanes_binding>(env, exports, "storeLanes");
  export_function<merge_lanes_binding>(env, exports, "mergeLanes");
  export_function<unfold_lanes_binding>(env, exports, "unfoldLanes");
  export_function<split_nearest_binding>(env, exports, "splitNearest");
  export_function<apply_gains_binding>(env, exports, "applyGains");
}

}  // namespace herm::binding
