// mergeTerms: GID and SCA of the children of every merge.
#include "kernels/merge_terms.h"

#include "binding/promise_worker.h"
#include "binding/tree_args.h"

namespace herm::binding {

namespace {

Napi::Value merge_terms_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredBlock block = args.block();
  const TreeView tree = tree_of(args);
  const Activation activation = args.activation("activation");
  const std::size_t merges = tree.merges();
  const MergeTerms terms{args.float64("gates", 2 * merges), args.float64("angles", merges),
                         args.float64("parts", merges), args.float64("shares", 2 * merges)};
  return PromiseWorker::run(std::move(args), [=](const Job& job) { merge_terms(job, activation, block, tree, terms); });
}

}  // namespace

void init_merge_terms(Napi::Env env, Napi::Object exports) {
  export_function<merge_terms_binding>(env, exports, "mergeTerms");
}

}  // namespace herm::binding
