// encodedBound, encodeWords, decodeWords, xxh64: the bytes of a .herm file.
#include "kernels/planes.h"

#include "binding/promise_worker.h"

namespace herm::binding {

namespace {

WordLayout layout_arg(const Args& args) { return {args.size("wordBytes"), args.flag("rotate")}; }

Napi::Value encoded_bound_binding(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber() || !info[1].IsNumber()) throw std::invalid_argument("a count and a size are needed");
  const double count = info[0].As<Napi::Number>().DoubleValue();
  const double word_bytes = info[1].As<Napi::Number>().DoubleValue();
  if (!(count >= 0 && count <= 9007199254740991.0 && word_bytes >= 1 && word_bytes <= 8)) {
    throw std::length_error("too many words");
  }
  const std::size_t bound = encoded_bound(static_cast<std::size_t>(count), static_cast<std::size_t>(word_bytes));
  return Napi::Number::New(info.Env(), static_cast<double>(bound));
}

Napi::Value encode_words_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const WordLayout layout = layout_arg(args);
  const std::span<const std::uint8_t> words = args.bytes("words");
  const std::span<std::uint8_t> out = args.bytes("out");
  return promise_size(std::move(args), [=](const Job& job) { return encode_words(job, layout, words, out); });
}

Napi::Value decode_words_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const WordLayout layout = layout_arg(args);
  const std::span<const std::uint8_t> data = args.bytes("data");
  const std::span<std::uint8_t> words = args.bytes("words");
  return promise_size(std::move(args), [=](const Job& job) { return decode_words(job, layout, data, words); });
}

Napi::Value xxh64_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const std::span<const std::uint8_t> data = args.bytes("data");
  std::span<std::uint8_t> state;
  if (args.has("state")) state = args.bytes("state", kXxh64StateBytes);
  auto digest = std::make_shared<std::string>();
  return PromiseWorker::run(
      std::move(args), [=](const Job&) { *digest = state.empty() ? xxh64_hex(data) : xxh64_hex(data, state); },
      [=](Napi::Env env) { return Napi::String::New(env, *digest); });
}

}  // namespace

void init_planes(Napi::Env env, Napi::Object exports) {
  export_function<encoded_bound_binding>(env, exports, "encodedBound");
  export_function<encode_words_binding>(env, exports, "encodeWords");
  export_function<decode_words_binding>(env, exports, "decodeWords");
  export_function<xxh64_binding>(env, exports, "xxh64");
}

}  // namespace herm::binding
