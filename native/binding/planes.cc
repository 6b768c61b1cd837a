// encodedBound, encodeRectangle, decodeRectangle, encodeWords, decodeWords, xxh64: the bytes of a .herm file.
#include "kernels/planes.h"

#include "binding/promise_worker.h"

namespace herm::binding {

namespace {

WordLayout layout_arg(const Args& args) {
  return {args.size("wordBytes"), static_cast<int>(std::min<std::size_t>(args.size("shift"), 64)), args.flag("rotate")};
}

Rectangle rectangle_arg(Args& args) {
  Rectangle rectangle;
  rectangle.rows = args.size("rows");
  rectangle.cols = args.size("cols");
  rectangle.row_list = args.uint32("rowList");
  rectangle.col_list = args.uint32("colList");
  if (args.has("rowClass")) rectangle.row_class = args.bytes("rowClass", rectangle.row_list.size());
  if (args.has("colClass")) rectangle.col_class = args.bytes("colClass", rectangle.col_list.size());
  return rectangle;
}

std::uint8_t* words_arg(Args& args, const WordLayout& layout, const Rectangle& rectangle) {
  return args.bytes("words", checked_mul(checked_mul(rectangle.rows, rectangle.cols), layout.bytes)).data();
}

// A promise of the number of bytes that `code` wrote or read.
Napi::Value promise_size(Args&& args, std::function<std::size_t(const Job&)> code) {
  auto size = std::make_shared<std::size_t>(0);
  return PromiseWorker::run(
      std::move(args), [size, code = std::move(code)](const Job& job) { *size = code(job); },
      [size](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(*size)); });
}

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

Napi::Value encode_rectangle_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const WordLayout layout = layout_arg(args);
  const Rectangle rectangle = rectangle_arg(args);
  const std::uint8_t* words = words_arg(args, layout, rectangle);
  const std::span<std::uint8_t> out = args.bytes("out");
  return promise_size(std::move(args),
                      [=](const Job& job) { return encode_rectangle(job, layout, rectangle, words, out); });
}

Napi::Value decode_rectangle_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const WordLayout layout = layout_arg(args);
  const Rectangle rectangle = rectangle_arg(args);
  std::uint8_t* words = words_arg(args, layout, rectangle);
  const std::span<const std::uint8_t> data = args.bytes("data");
  return promise_size(std::move(args),
                      [=](const Job& job) { return decode_rectangle(job, layout, rectangle, data, words); });
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
  auto digest = std::make_shared<std::string>();
  return PromiseWorker::run(
      std::move(args), [=](const Job&) { *digest = xxh64_hex(data); },
      [=](Napi::Env env) { return Napi::String::New(env, *digest); });
}

}  // namespace

void init_planes(Napi::Env env, Napi::Object exports) {
  export_function<encoded_bound_binding>(env, exports, "encodedBound");
  export_function<encode_rectangle_binding>(env, exports, "encodeRectangle");
  export_function<decode_rectangle_binding>(env, exports, "decodeRectangle");
  export_function<encode_words_binding>(env, exports, "encodeWords");
  export_function<decode_words_binding>(env, exports, "decodeWords");
  export_function<xxh64_binding>(env, exports, "xxh64");
}

}  // namespace herm::binding
