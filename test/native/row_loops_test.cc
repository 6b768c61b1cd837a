#include "kernels/row_loops.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/squares.h"

using namespace herm;

namespace {

// Σ values_c in as many partial sums as every CPU makes.
template <std::size_t kSums>
double partial_sums(const std::vector<double>& values) {
  double sums[kSums] = {}, all = 0;
  for (std::size_t c = 0; c < values.size(); ++c) sums[c % kSums] += values[c];
  for (const double sum : sums) all += sum;
  return all;
}

}  // namespace

TEST_CASE("rows are widened, narrowed and measured to the bit as number after number") {
  std::mt19937 generator(3);
  std::normal_distribution<double> normal;
  for (const std::size_t n : {0u, 1u, 7u, 8u, 15u, 16u, 17u, 33u, 100u}) {
    CAPTURE(n);
    std::vector<double> row(n), squares(n), rounded(n), wide(n);
    for (double& x : row) x = normal(generator);
    for (std::size_t c = 0; c < n; ++c) squares[c] = row[c] * row[c];
    CHECK(squared_length(row.data(), n) == partial_sums<8>(squares));

    std::vector<float> narrow(n), expected(n);
    const double x = 1.7, y = 1e-3;
    for (std::size_t c = 0; c < n; ++c) {
      expected[c] = static_cast<float>(row[c] * x * y);
      rounded[c] = static_cast<double>(expected[c]) * static_cast<double>(expected[c]);
    }
    CHECK(narrow_row(row.data(), x, y, n, narrow.data()) == partial_sums<16>(rounded));
    CHECK(narrow == expected);

    std::vector<char> bytes(n * sizeof(float) + 1);  // floats need not be aligned
    if (n > 0) std::memcpy(bytes.data() + 1, narrow.data(), n * sizeof(float));
    widen_floats(bytes.data() + 1, n, wide.data());
    for (std::size_t c = 0; c < n; ++c) CHECK(wide[c] == static_cast<double>(narrow[c]));
  }
}

TEST_CASE_TEMPLATE("words of every size are transposed, and nothing else is written", Word, std::uint8_t, std::uint16_t,
                   std::uint32_t, std::uint64_t) {
  constexpr std::size_t kStride = 23;
  std::mt19937_64 generator(5);
  for (std::size_t rows = 0; rows <= 18; ++rows) {
    for (const std::size_t cols : {0u, 1u, 3u, 4u, 8u, 16u, 19u}) {
      std::vector<Word> from(kStride * kStride), to(kStride * kStride), before;
      for (Word& word : from) word = static_cast<Word>(generator());
      for (Word& word : to) word = static_cast<Word>(generator());
      before = to;
      transpose_words<sizeof(Word)>(from.data(), kStride * sizeof(Word), rows, cols, to.data(), kStride * sizeof(Word));
      std::size_t wrong = 0;
      for (std::size_t c = 0; c < kStride; ++c) {
        for (std::size_t r = 0; r < kStride; ++r) {
          const bool inside = r < rows && c < cols;
          wrong += to[c * kStride + r] != (inside ? from[r * kStride + c] : before[c * kStride + r]);
        }
      }
      CHECK(wrong == 0);
    }
  }
}
