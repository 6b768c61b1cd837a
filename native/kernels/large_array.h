// Memory for matrices much larger than the caches.
#pragma once

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace herm {

// Floats without initial values, in huge pages where the system grants them: fewer pages to be handed out and to be
// remembered when rows and columns are walked.
class LargeArray {
 public:
  explicit LargeArray(std::size_t count) {
    constexpr std::size_t kPage = std::size_t{1} << 21;
    if (count > (SIZE_MAX - kPage) / sizeof(float)) throw std::bad_alloc();
    if (count * sizeof(float) < kPage) {
      values_.reset(static_cast<float*>(std::malloc(std::max<std::size_t>(count, 1) * sizeof(float))));
      if (!values_) throw std::bad_alloc();
      return;
    }
    const std::size_t bytes = (count * sizeof(float) + kPage - 1) / kPage * kPage;
    values_.reset(static_cast<float*>(std::aligned_alloc(kPage, bytes)));
    if (!values_) throw std::bad_alloc();
#if defined(__linux__)
    madvise(values_.get(), bytes, MADV_HUGEPAGE);  // a hint: where it is not taken nothing is lost
#endif
  }

  float* data() { return values_.get(); }
  const float* data() const { return values_.get(); }

 private:
  struct Free {
    void operator()(float* values) const { std::free(values); }
  };
  std::unique_ptr<float, Free> values_;
};

}  // namespace herm
