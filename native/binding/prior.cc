// weightFactor: correlations of inputs by the weights that read them.
#include <vector>

#include "binding/promise_worker.h"
#include "kernels/weight_factor.h"

namespace herm::binding {

namespace {

Napi::Value weight_factor_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  std::vector<StoredMatrix> sides{args.matrix("input")};
  if (args.has("gate")) sides.push_back(args.matrix("gate"));
  const std::size_t n = sides.front().width();
  for (const StoredMatrix& side : sides)
    if (side.width() != n) throw std::invalid_argument("gates and values differ in size");
  const double share = args.number("share");
  const auto factor = args.float64("factor", checked_mul(n, n));
  return PromiseWorker::run(std::move(args),
                            [=](const Job& job) { weight_factor(job, sides, share, {factor.data(), n, n}); });
}

}  // namespace

void init_prior(Napi::Env env, Napi::Object exports) {
  export_function<weight_factor_binding>(env, exports, "weightFactor");
}

}  // namespace herm::binding
