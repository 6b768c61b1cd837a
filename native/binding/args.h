// Reading the arguments of an addon call: one object of named inputs and outputs, then one object that describes the
// job ({ control: Int32Array(2), threads }). Every typed array is taken at its own offset and pinned until the call
// settles, so JavaScript may drop its references meanwhile.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "binding/napi_setup.h"
#include "kernels/activation.h"
#include "kernels/dtype.h"
#include "kernels/job.h"
#include "kernels/sample_fit.h"
#include "kernels/sampled_kernel.h"
#include "kernels/stored_block.h"

namespace herm::binding {

class Args {
 public:
  explicit Args(const Napi::CallbackInfo& info);

  Napi::Env env() const { return object_.Env(); }
  const Job& job() const { return job_; }

  bool has(const char* key) const;
  double number(const char* key) const;
  bool flag(const char* key) const;
  // A non-negative integer that a double holds exactly.
  std::size_t size(const char* key) const;
  DType dtype(const char* key) const;

  // A typed array of the named element type with exactly `length` elements (any length if npos).
  std::span<std::uint8_t> bytes(const char* key, std::size_t length = npos);
  std::span<std::uint16_t> uint16(const char* key, std::size_t length = npos);
  std::span<std::int32_t> int32(const char* key, std::size_t length = npos);
  std::span<std::uint32_t> uint32(const char* key, std::size_t length = npos);
  std::span<float> float32(const char* key, std::size_t length = npos);
  std::span<double> float64(const char* key, std::size_t length = npos);

  // { data: Uint8Array, dtype: 0..3, rows, cols, transposed }; the bytes must hold rows·cols numbers.
  StoredMatrix matrix(const char* key);
  // The stored matrices `input` and `output`; `bias`, `gate` and `gateBias`, `priorMean` and `priorScale`, and
  // `priorFactor` unless they are undefined.
  StoredBlock block();
  // { inputs: Float32Array [N×width], blend: number }
  InputSamples samples(const char* key, std::size_t width);
  // The same with { targets: Float64Array [N×outputs] }
  FitSamples fit_samples(const char* key, std::size_t width, std::size_t outputs);
  // { kind: integer (ActivationKind), slope: number, affine?: four numbers, inner scale (not 0) and shift, outer ones }
  Activation activation(const char* key);

  // Of a list of typed arrays of bytes.
  std::vector<std::span<const std::uint8_t>> byte_list(const char* key);
  std::string text(const char* key) const;
  // Calls read(Args&) for every object of a list.
  template <class Read>
  void each(const char* key, Read&& read) {
    const Napi::Array list = array(key);
    for (std::uint32_t k = 0; k < list.Length(); ++k) {
      Args item(element(list, k), job_);
      read(item);
      for (auto& pin : item.pins_) pins_.push_back(std::move(pin));
    }
  }

  std::vector<Napi::ObjectReference> take_pins() { return std::move(pins_); }

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

 private:
  Args(Napi::Object object, const Job& job) : object_(object), job_(job) {}
  Napi::Array array(const char* key) const;
  static Napi::Object element(const Napi::Array& list, std::uint32_t index);
  Napi::Value get(const Napi::Object& from, const char* key) const;
  template <class T>
  std::span<T> typed(const Napi::Object& from, const char* key, napi_typedarray_type type, std::size_t length);

  Napi::Object object_;
  Job job_;
  std::vector<Napi::ObjectReference> pins_;
};

}  // namespace herm::binding
