// singularValues: those of one stored matrix.
#include <algorithm>

#include "binding/promise_worker.h"
#include "kernels/decompose.h"

namespace herm::binding {

namespace {

Napi::Value singular_values_binding(const Napi::CallbackInfo& info) {
  Args args(info);
  const StoredMatrix stored = args.matrix("matrix");
  const auto values = args.float64("values", std::min(stored.rows, stored.cols));
  return PromiseWorker::run(std::move(args), [=](const Job&) {
    const Matrix matrix = load_neurons(stored);
    require_finite(matrix.view(), "the matrix");
    const std::vector<double> found = svd(matrix.view(), SvdVectors::None).values;
    std::copy(found.begin(), found.end(), values.begin());
  });
}

}  // namespace

void init_spectrum(Napi::Env env, Napi::Object exports) {
  export_function<singular_values_binding>(env, exports, "singularValues");
}

}  // namespace herm::binding
