// The only include of napi.h: every binding file sees it with the same settings.
#pragma once

// _ALL: a std::exception (a size that overflows, say) becomes a JavaScript error too, never a crash.
#ifndef NODE_ADDON_API_CPP_EXCEPTIONS_ALL
#define NODE_ADDON_API_CPP_EXCEPTIONS_ALL
#endif

// A worker thread that is terminated during a call can be told nothing more: not an error, and no reason to end the
// process.
#ifndef NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#endif

#include <napi.h>

#include <new>
#include <stdexcept>

namespace herm::binding {

// Adds a function to the addon. What its body throws becomes a JavaScript error with one of hermkit's codes, as what
// its job throws does (promise_worker.h).
template <Napi::Value (*body)(const Napi::CallbackInfo&)>
void export_function(Napi::Env env, Napi::Object exports, const char* name) {
  const auto guarded = [](const Napi::CallbackInfo& info) -> Napi::Value {
    const auto coded = [&](const char* code, const char* message) {
      Napi::Error error = Napi::Error::New(info.Env(), message);
      error.Value().Set("code", Napi::String::New(info.Env(), code));
      return error;
    };
    try {
      return body(info);
    } catch (const Napi::Error&) {
      throw;
    } catch (const std::invalid_argument& e) {
      throw coded("BAD_ARGUMENT", e.what());
    } catch (const std::length_error& e) {
      throw coded("TOO_LARGE", e.what());
    } catch (const std::bad_alloc&) {
      throw coded("OUT_OF_MEMORY", "not enough memory for this call");
    }
  };
  exports.Set(name, Napi::Function::New(env, guarded, name));
}

// One function a binding file; each adds its exports. Called once per environment by addon.cc.
void init_certificate(Napi::Env env, Napi::Object exports);
void init_dense(Napi::Env env, Napi::Object exports);
void init_exact_tree(Napi::Env env, Napi::Object exports);
void init_lane_code(Napi::Env env, Napi::Object exports);
void init_gid(Napi::Env env, Napi::Object exports);
void init_hierarchy_code(Napi::Env env, Napi::Object exports);
void init_info(Napi::Env env, Napi::Object exports);
void init_interaction(Napi::Env env, Napi::Object exports);
void init_memory(Napi::Env env, Napi::Object exports);
void init_merge(Napi::Env env, Napi::Object exports);
void init_merge_terms(Napi::Env env, Napi::Object exports);
void init_number_arrays(Napi::Env env, Napi::Object exports);
void init_planes(Napi::Env env, Napi::Object exports);
void init_prior(Napi::Env env, Napi::Object exports);
void init_sca(Napi::Env env, Napi::Object exports);
void init_spectrum(Napi::Env env, Napi::Object exports);
void init_symmetry(Napi::Env env, Napi::Object exports);

}  // namespace herm::binding
