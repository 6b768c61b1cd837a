// The one place where kernels use more than one core. BLAS itself always runs single-threaded (blas.h sets it once), so
// that results do not depend on the number of threads and nested pools never fight.
#pragma once

#include <cstddef>
#include <functional>

#include "kernels/job.h"

namespace herm {

// Calls body(begin, end) for consecutive chunks of [0, n), `grain` long (the last may be shorter), on job.threads()
// threads. The chunks do not depend on the number of threads: bodies that write disjoint outputs give the same bits
// for every thread count. The first exception of a body, or Aborted, is rethrown here after all threads have stopped.
void parallel_for(const Job& job, std::size_t n, std::size_t grain,
                  const std::function<void(std::size_t begin, std::size_t end)>& body);

// The number of threads a job uses when its caller names none: the cores this process may run on.
int default_threads();

}  // namespace herm
