// What a long call needs from its caller: how many threads it may use, whether it was aborted, where to report
// progress.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

namespace herm {

// Thrown by kernels between pieces of work once the caller has asked them to stop.
class Aborted : public std::exception {
 public:
  const char* what() const noexcept override { return "the operation was aborted"; }
};

class ThreadTeam;

// `control` is two int32 that the caller owns and may write from another thread: [0] becomes non-zero to abort,
// [1] receives the progress in millionths. A Job without control runs to its end.
class Job {
 public:
  Job() = default;
  explicit Job(int threads, std::int32_t* control = nullptr) : threads_(std::max(1, threads)), control_(control) {}

  int threads() const { return threads_; }
  // Threads that wait for this job's loops (threads.h); without a team every loop starts its own.
  ThreadTeam* team() const { return team_; }
  Job with_team(ThreadTeam* team) const {
    Job job = *this;
    job.team_ = team;
    return job;
  }
  // For a part of this job that runs on one of its threads: it heeds aborts; progress is that of the whole.
  Job part() const {
    Job job = *this;
    job.threads_ = 1;
    job.team_ = nullptr;
    job.is_part_ = true;
    return job;
  }
  bool aborted() const {
    return control_ && std::atomic_ref<std::int32_t>(control_[0]).load(std::memory_order_relaxed);
  }
  void check() const {
    if (aborted()) throw Aborted();
  }
  // `done` in [0, 1].
  void progress(double done) const {
    if (!control_ || is_part_) return;
    // NaN is none: 0 of 0.
    const auto millionths = done > 0 ? static_cast<std::int32_t>(std::min(done, 1.0) * 1e6) : 0;
    std::atomic_ref<std::int32_t>(control_[1]).store(millionths, std::memory_order_relaxed);
  }

 private:
  int threads_ = 1;
  bool is_part_ = false;
  ThreadTeam* team_ = nullptr;
  std::int32_t* control_ = nullptr;
};

}  // namespace herm
