#include "kernels/threads.h"

#if defined(__linux__)
#include <sched.h>
#endif

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels/blas.h"

namespace herm {

namespace {

// Before any kernel can run: nested pools would fight, and sums would depend on the number of threads.
[[maybe_unused]] const bool kSingleThreadedBlas = (openblas_set_num_threads(1), true);

}  // namespace

void parallel_for(const Job& job, std::size_t n, std::size_t grain,
                  const std::function<void(std::size_t, std::size_t)>& body) {
  if (n == 0) return;
  if (grain == 0) grain = 1;
  const std::size_t chunks = (n - 1) / grain + 1;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr error;
  std::mutex error_mutex;

  auto work = [&] {
    try {
      for (std::size_t chunk; !stop.load() && (chunk = next.fetch_add(1)) < chunks;) {
        job.check();
        const std::size_t begin = chunk * grain;
        body(begin, begin + std::min(grain, n - begin));
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(error_mutex);
      if (!error) error = std::current_exception();
      stop.store(true);
    }
  };

  const std::size_t helpers = std::min<std::size_t>(static_cast<std::size_t>(job.threads()), chunks) - 1;
  std::vector<std::thread> pool;
  pool.reserve(helpers);
  try {
    for (std::size_t i = 0; i < helpers; ++i) pool.emplace_back(work);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // No more threads to be had (or no memory for them): the ones that started, and this one, do the work.
  }
  work();
  for (auto& thread : pool) thread.join();
  if (error) std::rethrow_exception(error);
}

int default_threads() {
#if defined(__linux__)
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace herm
