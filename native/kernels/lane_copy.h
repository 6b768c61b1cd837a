// Between a model file's matrices and the lanes of exact coding (exact_tree.h): bit patterns, copied and transposed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

// lanes [neurons×width] = the matrix with neurons as rows. Also the plain transposition of lanes.
void load_lanes(const Job& job, const StoredMatrix& stored, std::uint8_t* lanes);

// Lanes [lanes×length] of `word_bytes` a number; the wanted ones in the order of the lists.
struct LaneSelection {
  std::size_t word_bytes = 4;
  std::size_t lanes = 0;
  std::size_t length = 0;
  std::span<const std::uint32_t> slots;     // which lanes
  std::span<const std::uint32_t> elements;  // which elements of each
};

// out [slots×elements], or its transpose [elements×slots]. std::invalid_argument for an entry out of range.
void store_lanes(const Job& job, const LaneSelection& selection, const std::uint8_t* lanes, bool transposed,
                 std::uint8_t* out);

}  // namespace herm
