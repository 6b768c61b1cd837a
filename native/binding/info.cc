#include "binding/napi_setup.h"
#include "kernels/build_info.h"

namespace herm::binding {

namespace {

Napi::Value build_info_object(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const BuildInfo info = build_info();
  Napi::Object result = Napi::Object::New(env);
  result.Set("blasConfig", info.blas_config);
  result.Set("blasCore", info.blas_core);
  result.Set("blasParallel", blas_parallel_name(info.blas_parallel));
  result.Set("compiler", info.compiler);
  result.Set("napiVersion", NAPI_VERSION);
  return result;
}

}  // namespace

void init_info(Napi::Env env, Napi::Object exports) { export_function<build_info_object>(env, exports, "buildInfo"); }

}  // namespace herm::binding
