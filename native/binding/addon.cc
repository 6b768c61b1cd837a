#include "binding/napi_setup.h"
#include "kernels/threads.h"

#ifdef __GLIBC__
#include <malloc.h>

#include <cstdlib>
#endif

namespace {

// glibc learns to keep freed blocks of up to 32 MiB. Of matrices that come and go in all sizes it then keeps hundreds
// of megabytes that no one uses (measured: 505 MB in place of 321 after twelve blocks of 768 > 3072 > 768). From this
// size on they go back to the system.
void return_large_blocks() {
#ifdef __GLIBC__
  constexpr int threshold = 1 << 20;
  if (std::getenv("MALLOC_MMAP_THRESHOLD_") == nullptr) mallopt(M_MMAP_THRESHOLD, threshold);
#endif
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  return_large_blocks();
  herm::use_one_blas_thread();
  herm::binding::init_certificate(env, exports);
  herm::binding::init_dense(env, exports);
  herm::binding::init_exact_tree(env, exports);
  herm::binding::init_lane_code(env, exports);
  herm::binding::init_gid(env, exports);
  herm::binding::init_hierarchy_code(env, exports);
  herm::binding::init_info(env, exports);
  herm::binding::init_interaction(env, exports);
  herm::binding::init_memory(env, exports);
  herm::binding::init_merge(env, exports);
  herm::binding::init_merge_terms(env, exports);
  herm::binding::init_number_arrays(env, exports);
  herm::binding::init_planes(env, exports);
  herm::binding::init_prior(env, exports);
  herm::binding::init_sca(env, exports);
  herm::binding::init_spectrum(env, exports);
  herm::binding::init_symmetry(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(hermkit, init)
