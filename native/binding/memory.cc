#include <stdexcept>

#include "binding/napi_setup.h"

namespace herm::binding {

namespace {

// Frees the memory of an ArrayBuffer at once, which the collector would only do some time later.
Napi::Value detach(const Napi::CallbackInfo& call) {
  if (!call[0].IsObject()) throw std::invalid_argument("detach takes an object");
  const Napi::Value buffer = call[0].As<Napi::Object>().Get("buffer");
  if (!buffer.IsArrayBuffer()) throw std::invalid_argument("buffer must be an ArrayBuffer");
  if (napi_detach_arraybuffer(call.Env(), buffer) != napi_ok) throw std::invalid_argument("buffer cannot be detached");
  return call.Env().Undefined();
}

}  // namespace

void init_memory(Napi::Env env, Napi::Object exports) { export_function<detach>(env, exports, "detach"); }

}  // namespace herm::binding
