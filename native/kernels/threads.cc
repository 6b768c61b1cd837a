#include "kernels/threads.h"

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <exception>

#include "kernels/blas.h"

namespace herm {

namespace {

// Between two looks at what another thread will change soon, without taking much from that thread's share of a core.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
constexpr int kLooks = 2000;  // before giving way: some ten microseconds

}  // namespace

void use_one_blas_thread() {
  // As a function: in a binary that OpenBLAS is linked into, initialisers of ours would run before its own have.
  [[maybe_unused]] static const bool done = (openblas_set_num_threads(1), true);
}

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
  if (helpers == 0) {
    work();
  } else if (job.team()) {
    job.team()->run(work, helpers);
  } else {
    ThreadTeam(Job(static_cast<int>(helpers) + 1)).run(work, helpers);
  }
  if (error) std::rethrow_exception(error);
}

ThreadTeam::ThreadTeam(const Job& job) {
  try {
    for (int i = 1; i < job.threads(); ++i) helpers_.emplace_back([this, i] { serve(static_cast<std::size_t>(i)); });
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // No more threads to be had (or no memory for them): the ones that started, and the caller's, do the work.
  }
}

ThreadTeam::~ThreadTeam() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_.store(true);
  }
  wake_.notify_all();
  for (auto& helper : helpers_) helper.join();
}

void ThreadTeam::run(const std::function<void()>& work, std::size_t helpers) {
  helpers = std::min(helpers, helpers_.size());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    work_ = &work;
    wanted_ = helpers;
    unfinished_.store(helpers);
    round_.fetch_add(1);
  }
  wake_.notify_all();
  work();
  for (int look = 0; unfinished_.load(std::memory_order_acquire) > 0; ++look) {
    if (look < kLooks) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadTeam::serve(std::size_t index) {
  for (std::uint64_t seen = 0;;) {
    for (int look = 0; look < kLooks && round_.load(std::memory_order_acquire) == seen && !closing_.load(); ++look) {
      relax();
    }
    const std::function<void()>* work;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return closing_.load() || round_.load() != seen; });
      if (closing_.load()) return;
      seen = round_.load();
      if (index > wanted_) continue;
      work = work_;
    }
    (*work)();
    unfinished_.fetch_sub(1, std::memory_order_release);
  }
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
