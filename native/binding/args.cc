#include "binding/args.h"

#include <cmath>

namespace herm::binding {

namespace {

[[noreturn]] void refuse(Napi::Env env, const std::string& message) {
  auto error = Napi::TypeError::New(env, message);
  error.Set("code", Napi::String::New(env, "BAD_ARGUMENT"));
  throw error;
}

Napi::Object object_at(const Napi::CallbackInfo& info, std::size_t index) {
  if (!info[index].IsObject()) refuse(info.Env(), "addon argument " + std::to_string(index) + " must be an object");
  return info[index].As<Napi::Object>();
}

std::size_t to_size(Napi::Env env, const Napi::Value& value, const char* key) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= 9007199254740991.0 && std::floor(number) == number)) {
    refuse(env, std::string(key) + " must be a non-negative integer");
  }
  return static_cast<std::size_t>(number);
}

}  // namespace

Args::Args(const Napi::CallbackInfo& info) : object_(object_at(info, 0)) {
  const Napi::Object job = object_at(info, 1);
  const auto control = typed<std::int32_t>(job, "control", napi_int32_array, 2);
  job_ = Job(static_cast<int>(std::min<std::size_t>(to_size(info.Env(), job.Get("threads"), "threads"), 1024)),
             control.data());
}

Napi::Value Args::get(const Napi::Object& from, const char* key) const { return from.Get(key); }

bool Args::has(const char* key) const { return !get(object_, key).IsUndefined(); }

double Args::number(const char* key) const {
  const Napi::Value value = get(object_, key);
  if (!value.IsNumber()) refuse(env(), std::string(key) + " must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

bool Args::flag(const char* key) const {
  const Napi::Value value = get(object_, key);
  if (!value.IsBoolean()) refuse(env(), std::string(key) + " must be a boolean");
  return value.As<Napi::Boolean>().Value();
}

std::size_t Args::size(const char* key) const { return to_size(env(), get(object_, key), key); }

DType Args::dtype(const char* key) const {
  const std::size_t dtype = size(key);
  if (dtype > static_cast<std::size_t>(DType::BF16)) refuse(env(), std::string(key) + " is unknown");
  return static_cast<DType>(dtype);
}

template <class T>
std::span<T> Args::typed(const Napi::Object& from, const char* key, napi_typedarray_type type, std::size_t length) {
  const Napi::Value value = get(from, key);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    refuse(from.Env(), std::string(key) + " must be a typed array of the expected element type");
  }
  auto array = value.As<Napi::TypedArrayOf<T>>();
  if (length != npos && array.ElementLength() != length) {
    refuse(from.Env(), std::string(key) + " must have " + std::to_string(length) + " elements, it has " +
                           std::to_string(array.ElementLength()));
  }
  pins_.push_back(Napi::Persistent(value.As<Napi::Object>()));
  return {array.Data(), array.ElementLength()};
}

std::span<std::uint8_t> Args::bytes(const char* key, std::size_t length) {
  return typed<std::uint8_t>(object_, key, napi_uint8_array, length);
}
std::span<std::uint16_t> Args::uint16(const char* key, std::size_t length) {
  return typed<std::uint16_t>(object_, key, napi_uint16_array, length);
}
std::span<std::int32_t> Args::int32(const char* key, std::size_t length) {
  return typed<std::int32_t>(object_, key, napi_int32_array, length);
}
std::span<std::uint32_t> Args::uint32(const char* key, std::size_t length) {
  return typed<std::uint32_t>(object_, key, napi_uint32_array, length);
}
std::span<float> Args::float32(const char* key, std::size_t length) {
  return typed<float>(object_, key, napi_float32_array, length);
}
std::span<double> Args::float64(const char* key, std::size_t length) {
  return typed<double>(object_, key, napi_float64_array, length);
}

Napi::Array Args::array(const char* key) const {
  const Napi::Value value = get(object_, key);
  if (!value.IsArray()) refuse(env(), std::string(key) + " must be a list");
  return value.As<Napi::Array>();
}

Napi::Object Args::element(const Napi::Array& list, std::uint32_t index) {
  const Napi::Value value = list.Get(index);
  if (!value.IsObject()) refuse(list.Env(), "a list must hold objects");
  return value.As<Napi::Object>();
}

std::vector<std::span<const std::uint8_t>> Args::byte_list(const char* key) {
  const Napi::Array list = array(key);
  std::vector<std::span<const std::uint8_t>> parts;
  for (std::uint32_t k = 0; k < list.Length(); ++k) {
    const auto part = typed<std::uint8_t>(list, std::to_string(k).c_str(), napi_uint8_array, npos);
    parts.push_back(part);
  }
  return parts;
}

std::string Args::text(const char* key) const {
  const Napi::Value value = get(object_, key);
  if (!value.IsString()) refuse(env(), std::string(key) + " must be a text");
  return value.As<Napi::String>().Utf8Value();
}

StoredMatrix Args::matrix(const char* key) {
  const Napi::Value value = get(object_, key);
  if (!value.IsObject()) refuse(env(), std::string(key) + " must be a stored matrix");
  const auto from = value.As<Napi::Object>();
  const auto data = typed<std::uint8_t>(from, "data", napi_uint8_array, npos);
  const std::size_t dtype = to_size(env(), from.Get("dtype"), "dtype");
  if (dtype > static_cast<std::size_t>(DType::BF16)) refuse(env(), std::string(key) + ".dtype is unknown");
  StoredMatrix stored{static_cast<DType>(dtype), data.data(), to_size(env(), from.Get("rows"), "rows"),
                      to_size(env(), from.Get("cols"), "cols"), from.Get("transposed").ToBoolean().Value()};
  const std::size_t needed = checked_mul(checked_mul(stored.rows, stored.cols), dtype_bytes(stored.dtype));
  if (data.size() != needed) {
    refuse(env(),
           std::string(key) + " needs " + std::to_string(needed) + " bytes, it has " + std::to_string(data.size()));
  }
  return stored;
}

StoredBlock Args::block() {
  StoredBlock block;
  block.input = matrix("input");
  block.output = matrix("output");
  block.has_bias = has("bias");
  if (block.has_bias) block.bias = matrix("bias");
  block.has_gate = has("gate");
  if (block.has_gate) block.gate = matrix("gate");
  block.has_gate_bias = block.has_gate && has("gateBias");
  if (block.has_gate_bias) block.gate_bias = matrix("gateBias");
  if (has("priorMean")) block.prior = {float64("priorMean"), float64("priorScale"), {}};
  if (has("priorFactor")) block.prior.factor = float64("priorFactor");
  return block;
}

InputSamples Args::samples(const char* key, std::size_t width) {
  const Napi::Value value = get(object_, key);
  if (!value.IsObject()) refuse(env(), std::string(key) + " must be samples");
  const auto from = value.As<Napi::Object>();
  const auto inputs = typed<float>(from, "inputs", napi_float32_array, npos);
  if (width == 0 || inputs.empty() || inputs.size() % width != 0) {
    refuse(env(), std::string(key) + " must have rows of " + std::to_string(width) + " numbers");
  }
  const Napi::Value blend = from.Get("blend");
  if (!blend.IsNumber()) refuse(env(), std::string(key) + ".blend must be a number");
  return {{inputs.data(), inputs.size() / width, width}, blend.As<Napi::Number>().DoubleValue()};
}

FitSamples Args::fit_samples(const char* key, std::size_t width, std::size_t outputs) {
  const InputSamples own = samples(key, width);
  const std::size_t count = own.inputs.rows;
  const auto targets =
      typed<double>(get(object_, key).As<Napi::Object>(), "targets", napi_float64_array, checked_mul(count, outputs));
  return {own.inputs, {targets.data(), count, outputs}, own.blend};
}

Activation Args::activation(const char* key) {
  const Napi::Value value = get(object_, key);
  if (!value.IsObject()) refuse(env(), std::string(key) + " must be an activation");
  const auto from = value.As<Napi::Object>();
  const std::size_t kind = to_size(env(), from.Get("kind"), "kind");
  if (kind > static_cast<std::size_t>(kLastActivationKind)) refuse(env(), std::string(key) + ".kind is unknown");
  const Napi::Value slope = from.Get("slope");
  if (!slope.IsNumber()) refuse(env(), std::string(key) + ".slope must be a number");
  Activation activation{static_cast<ActivationKind>(kind), slope.As<Napi::Number>().DoubleValue()};
  const Napi::Value affine = from.Get("affine");
  if (affine.IsUndefined()) return activation;
  double* const parts[] = {&activation.inner.scale, &activation.inner.shift, &activation.outer.scale,
                           &activation.outer.shift};
  const bool four = affine.IsArray() && affine.As<Napi::Array>().Length() == std::size(parts);
  for (std::uint32_t i = 0; i < std::size(parts); ++i) {
    const Napi::Value part = four ? affine.As<Napi::Array>().Get(i) : affine;
    if (!part.IsNumber()) refuse(env(), std::string(key) + ".affine must be four numbers");
    *parts[i] = part.As<Napi::Number>().DoubleValue();
    if (!std::isfinite(*parts[i])) refuse(env(), std::string(key) + ".affine must be finite");
  }
  if (activation.inner.scale == 0) refuse(env(), std::string(key) + ".affine must not begin with 0");
  return activation;
}

}  // namespace herm::binding
