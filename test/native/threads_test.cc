#include "kernels/threads.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/blas.h"

using namespace herm;

TEST_CASE("parallel_for covers its range once, in chunks that do not depend on the number of threads") {
  for (const std::size_t n :
       {std::size_t{0}, std::size_t{1}, std::size_t{6}, std::size_t{7}, std::size_t{8}, std::size_t{1000}}) {
    for (const std::size_t grain : {std::size_t{1}, std::size_t{7}, std::size_t{5000}}) {
      for (const int threads : {-3, 1, 2, 3, 8}) {
        std::mutex mutex;
        std::set<std::pair<std::size_t, std::size_t>> chunks;
        parallel_for(Job(threads), n, grain, [&](std::size_t begin, std::size_t end) {
          const std::lock_guard<std::mutex> lock(mutex);
          CHECK(chunks.insert({begin, end}).second);
        });
        std::size_t covered = 0;
        for (const auto& [begin, end] : chunks) {
          CHECK(begin == covered);
          CHECK((end - begin == grain || end == n));
          covered = end;
        }
        CHECK(covered == n);
      }
    }
  }
}

TEST_CASE("parallel_for uses no more threads than the job may, and more than one") {
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::atomic<int> waiting{0};
  parallel_for(Job(3), 3, 1, [&](std::size_t, std::size_t) {
    // Every chunk waits for the others: only three threads at once can get through.
    ++waiting;
    while (waiting.load() < 3) std::this_thread::yield();
    const std::lock_guard<std::mutex> lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  CHECK(ids.size() == 3);
  ids.clear();
  parallel_for(Job(1), 50, 1, [&](std::size_t, std::size_t) { ids.insert(std::this_thread::get_id()); });
  CHECK(ids == std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST_CASE("the first exception of a body is rethrown after all threads have stopped") {
  for (const int threads : {1, 2, 8}) {
    std::atomic<int> running{0}, done{0};
    const auto run = [&] {
      parallel_for(Job(threads), 10000, 1, [&](std::size_t begin, std::size_t) {
        ++running;
        if (begin == 20) {
          --running;
          throw std::out_of_range("chunk 20");
        }
        // Time for the exception to be seen.
        if (begin > 20) std::this_thread::sleep_for(std::chrono::microseconds(200));
        ++done;
        --running;
      });
    };
    CHECK_THROWS_WITH_AS(run(), "chunk 20", std::out_of_range);
    CHECK(running.load() == 0);
    CHECK(done.load() < 10000);
  }
}

TEST_CASE("a team runs many short loops, each to its end before the next") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadTeam team{Job(threads)};
    const Job job = Job(threads).with_team(&team);
    std::vector<std::size_t> sums(64);
    std::size_t expected = 0;
    for (std::size_t loop = 0; loop < 500; ++loop) {
      const std::size_t n = loop % 60 + 1;
      parallel_for(job, n, loop % 4 + 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) sums[i] += loop;
      });
      expected += n * loop;
    }
    CHECK(std::accumulate(sums.begin(), sums.end(), std::size_t{0}) == expected);
  }
}

TEST_CASE("a team that fell asleep wakes up, and one that was never used ends") {
  ThreadTeam idle{Job(4)};
  ThreadTeam team{Job(3)};
  std::atomic<int> waiting{0};
  for (int loop = 1; loop <= 3; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    parallel_for(Job(3).with_team(&team), 3, 1, [&](std::size_t, std::size_t) {
      // Only three threads at once can get through.
      ++waiting;
      while (waiting.load() < 3 * loop) std::this_thread::yield();
    });
  }
  CHECK(waiting.load() == 9);
}

TEST_CASE("a team goes on after exceptions, those of its caller's thread and of its helpers") {
  ThreadTeam team{Job(3)};
  const Job job = Job(3).with_team(&team);
  const auto caller = std::this_thread::get_id();
  for (const bool on_caller : {true, false}) {
    for (int loop = 0; loop < 30; ++loop) {
      std::atomic<int> started{0};
      const auto run = [&] {
        parallel_for(job, 3, 1, [&](std::size_t, std::size_t) {
          // Every thread has one chunk.
          ++started;
          while (started.load() < 3) std::this_thread::yield();
          if ((std::this_thread::get_id() == caller) == on_caller) throw std::out_of_range("mine");
        });
      };
      CHECK_THROWS_WITH_AS(run(), "mine", std::out_of_range);
      std::atomic<int> done{0};
      parallel_for(job, 50, 1, [&](std::size_t, std::size_t) { ++done; });
      CHECK(done.load() == 50);
    }
  }
}

TEST_CASE("bodies of a team's loop may have loops without the team") {
  ThreadTeam team{Job(2)};
  std::atomic<int> done{0};
  parallel_for(Job(2).with_team(&team), 6, 1, [&](std::size_t, std::size_t) {
    parallel_for(Job(2), 10, 1, [&](std::size_t, std::size_t) { ++done; });
  });
  CHECK(done.load() == 60);
}

TEST_CASE("an aborted job stops between chunks") {
  for (const int threads : {1, 4}) {
    std::int32_t control[2] = {0, 0};
    std::atomic<int> done{0};
    const Job job(threads, control);
    const auto run = [&] {
      parallel_for(job, 100000, 1, [&](std::size_t, std::size_t) {
        const std::atomic_ref<std::int32_t> abort(control[0]);
        const int count = ++done;
        if (count == 10) abort.store(1);
        // Nobody goes on to another chunk before the abort is there to be seen.
        while (count > 10 && abort.load() == 0) std::this_thread::yield();
      });
    };
    CHECK_THROWS_AS(run(), Aborted);
    CHECK(done.load() >= 10);
    CHECK(done.load() < 10 + threads);
    CHECK(job.aborted());
  }
  std::int32_t control[2] = {1, 0};
  bool called = false;
  CHECK_THROWS_AS(parallel_for(Job(2, control), 5, 1, [&](std::size_t, std::size_t) { called = true; }), Aborted);
  CHECK(!called);
}

TEST_CASE("progress is reported in millionths and clamped") {
  std::int32_t control[2] = {0, -1};
  const Job job(1, control);
  const auto reported = [&](double done) {
    job.progress(done);
    return control[1];
  };
  CHECK(reported(0) == 0);
  CHECK(reported(0.25) == 250000);
  CHECK(reported(1) == 1000000);
  CHECK(reported(7) == 1000000);
  CHECK(reported(-1) == 0);
  CHECK(control[0] == 0);
  // Without a control block nothing happens.
  Job(2).progress(0.5);
  CHECK_FALSE(Job(2).aborted());
}

TEST_CASE("the default number of threads is at least one, and BLAS keeps to one") {
  CHECK(default_threads() >= 1);
  CHECK(Job(0).threads() == 1);
  CHECK(openblas_get_num_threads() == 1);
}
