// The one place where kernels use more than one core. BLAS itself always runs single-threaded (use_one_blas_thread), so
// that results do not depend on the number of threads and nested pools never fight.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels/job.h"

namespace herm {

// Whoever uses kernels calls this once before the first: nested pools would fight, and sums depend on the number of
// threads. The setting is the process's.
void use_one_blas_thread();

// Calls body(begin, end) for consecutive chunks of [0, n), `grain` long (the last may be shorter), on job.threads()
// threads. The chunks do not depend on the number of threads: bodies that write disjoint outputs give the same bits
// for every thread count. The first exception of a body, or Aborted, is rethrown here after all threads have stopped.
void parallel_for(const Job& job, std::size_t n, std::size_t grain,
                  const std::function<void(std::size_t begin, std::size_t end)>& body);

// Helper threads for many short loops, one after the other: they look out for the next loop for a moment before they go
// to sleep. At most one loop at a time.
class ThreadTeam {
 public:
  // Starts job.threads() − 1 helpers, or as many as the system allows.
  explicit ThreadTeam(const Job& job);
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;
  ~ThreadTeam();

  // Runs `work`, which must not throw, on this thread and on up to `helpers` others; returns when all have finished.
  void run(const std::function<void()>& work, std::size_t helpers);

 private:
  void serve(std::size_t index);

  std::mutex mutex_;
  std::condition_variable wake_;
  const std::function<void()>* work_ = nullptr;
  std::atomic<std::uint64_t> round_{0};     // of the latest loop; 0: none yet
  std::size_t wanted_ = 0;                  // helpers that take part in it
  std::atomic<std::size_t> unfinished_{0};  // and those of them still at work
  std::atomic<bool> closing_{false};
  std::vector<std::thread> helpers_;
};

// The number of threads a job uses when its caller names none: the cores this process may run on.
int default_threads();

}  // namespace herm
