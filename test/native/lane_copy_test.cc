#include "kernels/lane_copy.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "kernels/words.h"

using namespace herm;

namespace {

// words[k] = k, as [rows×cols] of one dtype, at an odd address.
template <class Word>
std::vector<std::uint8_t> counted(std::size_t count) {
  std::vector<std::uint8_t> bytes(count * sizeof(Word) + 1);
  for (std::size_t k = 0; k < count; ++k) store_word(bytes.data() + 1, k, static_cast<Word>(k));
  return bytes;
}

template <class Word>
void check_copies(DType dtype) {
  const std::size_t rows = 130, cols = 71;
  const auto stored = counted<Word>(rows * cols);
  std::vector<std::uint8_t> lanes(rows * cols * sizeof(Word));
  load_lanes(Job(2), {dtype, stored.data() + 1, rows, cols, false}, lanes.data());
  CHECK(std::equal(lanes.begin(), lanes.end(), stored.begin() + 1));

  load_lanes(Job(2), {dtype, stored.data() + 1, rows, cols, true}, lanes.data());
  bool turned = true;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c)
      turned = turned && load_word<Word>(lanes.data(), c * rows + r) == r * cols + c;
  }
  CHECK(turned);

  const std::vector<std::uint32_t> slots{129, 0, 64, 64}, elements{70, 3};
  std::vector<std::uint8_t> out(slots.size() * elements.size() * sizeof(Word));
  for (const bool transposed : {false, true}) {
    store_lanes(Job(2), {sizeof(Word), rows, cols, slots, elements}, stored.data() + 1, transposed, out.data());
    for (std::size_t s = 0; s < slots.size(); ++s) {
      for (std::size_t e = 0; e < elements.size(); ++e) {
        const std::size_t at = transposed ? e * slots.size() + s : s * elements.size() + e;
        CHECK(load_word<Word>(out.data(), at) == slots[s] * cols + elements[e]);
      }
    }
  }
}

}  // namespace

TEST_CASE("lane_copy: loading, transposing and choosing lanes moves whole words") {
  check_copies<std::uint64_t>(DType::F64);
  check_copies<std::uint32_t>(DType::F32);
  check_copies<std::uint16_t>(DType::BF16);
}

TEST_CASE("lane_copy: slots and elements out of range are refused") {
  std::vector<std::uint8_t> lanes(4 * 3 * 2), out(2);
  const std::uint32_t three[] = {3}, four[] = {4}, zero[] = {0};
  CHECK_THROWS_AS(store_lanes(Job(), {2, 4, 3, four, zero}, lanes.data(), false, out.data()), std::invalid_argument);
  CHECK_THROWS_AS(store_lanes(Job(), {2, 4, 3, zero, three}, lanes.data(), false, out.data()), std::invalid_argument);
}
