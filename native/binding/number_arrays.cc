// encodedNumbersBound, encodeNumbers, decodeNumbers: tensors that no hierarchy merges.
#include "kernels/number_arrays.h"

#include "binding/promise_worker.h"

namespace herm::binding {

namespace {

NumberArray array_arg(const Args& args) { return {args.dtype("dtype"), args.size("columns")}; }

// Of { dtype, columns, count }.
Napi::Value encoded_numbers_bound_binding(const Napi::CallbackInfo& info) {
  const Args args(info);
  const std::size_t bound = encoded_numbers_bound(array_arg(args), args.size("count"));
  return Napi::Number::New(info.Env(), static_cast<double>(bound));
}

Napi::Value encode_numbers_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const NumberArray array = array_arg(args);
  const std::span<const std::uint8_t> words = args.bytes("words");
  const std::span<std::uint8_t> out = args.bytes("out");
  return promise_size(std::move(args), [=](const Job& job) { return encode_numbers(job, array, words, out); });
}

Napi::Value decode_numbers_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const NumberArray array = array_arg(args);
  const std::span<const std::uint8_t> data = args.bytes("data");
  const std::span<std::uint8_t> words = args.bytes("words");
  return promise_size(std::move(args), [=](const Job& job) { return decode_numbers(job, array, data, words); });
}

}  // namespace

void init_number_arrays(Napi::Env env, Napi::Object exports) {
  export_function<encoded_numbers_bound_binding>(env, exports, "encodedNumbersBound");
  export_function<encode_numbers_binding>(env, exports, "encodeNumbers");
  export_function<decode_numbers_binding>(env, exports, "decodeNumbers");
}

}  // namespace herm::binding
