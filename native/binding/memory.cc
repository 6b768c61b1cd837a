#include <stdexcept>

#include "binding/napi_setup.h"

namespace herm::binding {

namespace {

// Frees the memory of an ArrayBuffer at once, which the collector would only do some time later.
Napi::Value detach(const Napi::CallbackInfo& call) {
  if (!call[0].IsArrayBuffer()) throw std::invalid_argument("detach takes an ArrayBuffer");
  Napi::ArrayBuffer buffer = call[0].As<Napi::ArrayBuffer>();
  if (!buffer.IsDetached()) buffer.Detach();
  return call.Env().Undefined();
}

}  // namespace

void init_memory(Napi::Env env, Napi::Object exports) { export_function<detach>(env, exports, "detach"); }

}  // namespace herm::binding
