// encodeLanes, decodeLanes: the numbers of a hierarchy's nodes as bits.
#include "kernels/lane_code.h"

#include <algorithm>

#include "binding/promise_worker.h"
#include "kernels/large_array.h"

namespace herm::binding {

namespace {

NodeLanes lanes_arg(Args& args) {
  NodeLanes lanes;
  lanes.dtype = args.dtype("dtype");
  lanes.shift = static_cast<int>(std::min<std::size_t>(args.size("shift"), 64));
  lanes.roots = args.size("roots");
  lanes.parents = args.uint32("parents");
  lanes.coefficients = args.uint16("coefficients");
  lanes.followed = args.bytes("followed", lanes.parents.size());
  lanes.floors = args.uint16("floors");
  lanes.gains = args.float32("gains", lanes.floors.size());
  lanes.rows = args.uint32("rows");
  lanes.row_count = args.size("rowCount");
  lanes.length = args.size("length");
  if (args.has("elementFloors")) lanes.element_floors = args.uint16("elementFloors", lanes.length);
  lanes.only_followed = args.flag("onlyFollowed");
  const std::size_t words = checked_mul(lanes.row_count, lanes.length);
  lanes.words = args.bytes("words", checked_mul(words, dtype_bytes(lanes.dtype))).data();
  return lanes;
}

LaneLevels levels_arg(Args& args) {
  LaneLevels levels;
  levels.instructions = args.uint32("levelInstructions");
  levels.elements = args.uint32("levelElements", levels.instructions.size());
  levels.strips = args.size("strips");
  checked_mul(levels.levels(), checked_mul(2, levels.strips));
  return levels;
}

// Resolves to the bytes of all sections; they are in `out` if it has room for them.
Napi::Value encode_lanes_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const NodeLanes lanes = lanes_arg(args);
  const LaneLevels levels = levels_arg(args);
  const std::span<const std::uint8_t> shift_bytes = args.bytes("elementShifts", lanes.length);
  const std::span<double> sizes = args.float64("sizes", levels.sections());
  const std::span<std::uint8_t> out = args.bytes("out");
  auto size = std::make_shared<std::size_t>(0);
  return PromiseWorker::run(
      std::move(args),
      [=](const Job& job) {
        std::vector<std::int8_t> shifts(shift_bytes.begin(), shift_bytes.end());
        std::vector<std::uint64_t> bytes(levels.sections());
        std::vector<std::uint8_t> coded;
        encode_lanes(job, lanes, levels, shifts, coded, bytes);
        std::copy(bytes.begin(), bytes.end(), sizes.begin());
        if (coded.size() <= out.size()) std::copy(coded.begin(), coded.end(), out.begin());
        *size = coded.size();
      },
      [=](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(*size)); });
}

Napi::Value decode_lanes_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  std::vector<CodedLanes> all;
  args.each("tensors", [&](Args& item) {
    const NodeLanes lanes = lanes_arg(item);
    all.push_back({item.text("name"), lanes, levels_arg(item), item.size("wanted"), item.byte_list("sections")});
  });
  return PromiseWorker::run(std::move(args), [all = std::move(all)](const Job& job) {
    for (const auto& [name, lanes, levels, wanted, sections] : all) {
      prefer_huge_pages({lanes.words, lanes.row_count * lanes.length * dtype_bytes(lanes.dtype)});
    }
    decode_lanes(job, all);
  });
}

}  // namespace

void init_lane_code(Napi::Env env, Napi::Object exports) {
  export_function<encode_lanes_binding>(env, exports, "encodeLanes");
  export_function<decode_lanes_binding>(env, exports, "decodeLanes");
}

}  // namespace herm::binding
