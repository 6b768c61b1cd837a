#include "binding/napi_setup.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  herm::binding::init_certificate(env, exports);
  herm::binding::init_dense(env, exports);
  herm::binding::init_exact_tree(env, exports);
  herm::binding::init_lane_code(env, exports);
  herm::binding::init_gid(env, exports);
  herm::binding::init_hierarchy_code(env, exports);
  herm::binding::init_info(env, exports);
  herm::binding::init_interaction(env, exports);
  herm::binding::init_merge(env, exports);
  herm::binding::init_number_arrays(env, exports);
  herm::binding::init_planes(env, exports);
  herm::binding::init_sca(env, exports);
  herm::binding::init_symmetry(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(hermkit, init)
