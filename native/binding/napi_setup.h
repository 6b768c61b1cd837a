// The only include of napi.h: every binding file sees it with the same settings.
#pragma once

#ifndef NAPI_CPP_EXCEPTIONS
#define NAPI_CPP_EXCEPTIONS
#endif

#include <napi.h>

namespace herm::binding {

// One function a binding file; each adds its exports. Called once per environment by addon.cc.
void init_info(Napi::Env env, Napi::Object exports);

}  // namespace herm::binding
