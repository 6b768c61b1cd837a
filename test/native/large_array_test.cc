#include "kernels/large_array.h"

#include <doctest/doctest.h>

#include <limits>
#include <new>
#include <optional>

using namespace herm;

namespace {

constexpr std::size_t kMany = std::size_t{1} << 20;  // floats: two huge pages
constexpr std::size_t kBytes = kMany * sizeof(float);

}  // namespace

TEST_CASE("arrays that live at once share no memory, whatever was given back before") {
  for (int round = 0; round < 3; ++round) {
    LargeArray a(kMany), b(kMany), c(kMany / 2), d(1);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < kMany; ++i) a.data()[i] = 1;
    for (std::size_t i = 0; i < kMany; ++i) b.data()[i] = 2;
    for (std::size_t i = 0; i < kMany / 2; ++i) c.data()[i] = 3;
    d.data()[0] = 4;
    for (std::size_t i = 0; i < kMany; ++i) wrong += a.data()[i] != 1 || b.data()[i] != 2;
    for (std::size_t i = 0; i < kMany / 2; ++i) wrong += c.data()[i] != 3;
    CHECK(wrong == 0);
    CHECK(d.data()[0] == 4);
  }
}

TEST_CASE("memory that waits is used again by arrays of its size, and never too much of it waits") {
  {
    const LargeArray array(kMany);
  }
  const std::size_t before = spare_bytes();
  CHECK(before <= kMostSpareBytes);
  {
    std::optional<LargeArray> first(std::in_place, kMany);
    if (before >= kBytes) CHECK(spare_bytes() == before - kBytes);  // systems that cannot take it back keep nothing
    LargeArray moved = std::move(*first);
    first.reset();
    CHECK(spare_bytes() + kBytes >= before);
  }
  CHECK(spare_bytes() == before);
  {
    const LargeArray larger(kMostSpareBytes / sizeof(float) + 1);
  }
  CHECK(spare_bytes() == before);
  for (std::size_t pages = 1; pages <= 16; ++pages) {
    const LargeArray array(pages * kMany * 2);
    CHECK(spare_bytes() <= kMostSpareBytes);
  }
  CHECK(spare_bytes() <= kMostSpareBytes);
}

TEST_CASE("arrays beyond all memory are refused") {
  CHECK_THROWS_AS(LargeArray(std::numeric_limits<std::size_t>::max() / 2), std::bad_alloc);
  CHECK_THROWS_AS(LargeArray(std::numeric_limits<std::size_t>::max() / sizeof(float)), std::bad_alloc);
}
