// The only include of napi.h: every binding file sees it with the same settings.
#pragma once

// _ALL: a std::exception (a size that overflows, say) becomes a JavaScript error too, never a crash.
#ifndef NODE_ADDON_API_CPP_EXCEPTIONS_ALL
#define NODE_ADDON_API_CPP_EXCEPTIONS_ALL
#endif

#include <napi.h>

namespace herm::binding {

// One function a binding file; each adds its exports. Called once per environment by addon.cc.
void init_certificate(Napi::Env env, Napi::Object exports);
void init_dense(Napi::Env env, Napi::Object exports);
void init_exact_tree(Napi::Env env, Napi::Object exports);
void init_gid(Napi::Env env, Napi::Object exports);
void init_info(Napi::Env env, Napi::Object exports);
void init_interaction(Napi::Env env, Napi::Object exports);
void init_merge(Napi::Env env, Napi::Object exports);
void init_planes(Napi::Env env, Napi::Object exports);
void init_sca(Napi::Env env, Napi::Object exports);
void init_symmetry(Napi::Env env, Napi::Object exports);

}  // namespace herm::binding
