// A matrix that two trees share: the column tree of one layer, then the row tree of the next, and back.
#include <doctest/doctest.h>

#include <algorithm>

#include "exact_support.h"
#include "kernels/lane_copy.h"

using namespace herm;
using namespace herm::test;

namespace {

// The lanes of the other axis.
Coded transposed(const Coded& from) {
  Coded to{from.dtype, from.length, from.lanes, from.shift, Bytes(from.words.size()), Bytes(from.length), {}, {}, {}};
  load_lanes(Job(), {from.dtype, from.words.data(), from.lanes, from.length, true}, to.words.data());
  return to;
}

template <DType D>
void round_trip(Random& random, Data data) {
  const std::size_t rows = 18, cols = 23;
  const Tree row_tree = random_tree(random, rows, 3), col_tree = random_tree(random, cols, 1);
  const Coded matrix = leaves(D, random_words<D>(random, data, rows, cols), rows, cols);

  Coded columns = transposed(matrix);  // lanes = columns
  forward(columns, col_tree);
  Coded coded = transposed(columns);  // lanes = rows, of floats that the column tree made
  coded.element_coarse = columns.coarse;
  forward(coded, row_tree);

  inverse(coded, row_tree, 0, row_tree.merges());
  Coded back = transposed(coded);
  back.coarse = columns.coarse;
  back.flags = columns.flags;
  back.indexes = columns.indexes;
  inverse(back, col_tree, 0, col_tree.merges());
  CHECK(transposed(back).words == matrix.words);
}

}  // namespace

TEST_CASE("exact_shared: columns, then rows, then back gives every bit") {
  Random random(21);
  for_every_format([&]<DType D>() {
    for (const Data data : {Data::gaussian, Data::coarse, Data::wild, Data::zeros}) {
      CAPTURE(static_cast<int>(D));
      CAPTURE(static_cast<int>(data));
      round_trip<D>(random, data);
    }
  });
}

TEST_CASE("exact_shared: at mixed widths original rows are exact in every column that is one, merged rows are finite") {
  Random random(22);
  const std::size_t rows = 16, cols = 12;
  const Tree row_tree = random_tree(random, rows, 1), col_tree = random_tree(random, cols, 1);
  const Coded matrix = leaves(DType::F32, random_words<DType::F32>(random, Data::gaussian, rows, cols), rows, cols);
  Coded columns = transposed(matrix);
  forward(columns, col_tree);
  Coded coded = transposed(columns);
  coded.element_coarse = columns.coarse;
  forward(coded, row_tree);

  const std::size_t stop = 4;  // the first four row merges stay
  inverse(coded, row_tree, stop, row_tree.merges());
  std::vector<bool> alive(rows, true), leaf(rows, true);
  for (std::size_t t = 0; t < stop; ++t) {
    leaf[row_tree.pairs[2 * t]] = false;
    alive[row_tree.pairs[2 * t + 1]] = false;
  }
  // The living rows alone go on.
  std::vector<std::uint32_t> slots, all;
  Bytes present;
  for (std::uint32_t s = 0; s < rows; ++s) {
    if (!alive[s]) continue;
    slots.push_back(s);
    present.push_back(leaf[s]);
  }
  for (std::uint32_t c = 0; c < cols; ++c) all.push_back(c);
  Coded wide{DType::F32,    cols, slots.size(), matrix.shift, Bytes(cols * slots.size() * 4), columns.coarse, {},
             columns.flags, {}};
  store_lanes(Job(), {4, rows, cols, slots, all}, coded.words.data(), true, wide.words.data());
  wide.indexes.resize(col_tree.merges() * slots.size() * 4);
  std::vector<std::uint32_t> merges;
  for (std::uint32_t t = 0; t < col_tree.merges(); ++t) merges.push_back(t);
  store_lanes(Job(), {4, col_tree.merges(), rows, merges, slots}, columns.indexes.data(), false, wide.indexes.data());
  inverse(wide, col_tree, 0, col_tree.merges(), 1, present);
  for (std::size_t c = 0; c < cols; ++c) {
    for (std::size_t k = 0; k < slots.size(); ++k) {
      const auto word = load_word<std::uint32_t>(wide.words.data(), c * slots.size() + k);
      CHECK(FloatGrid<DType::F32>::finite(word));
      if (present[k]) CHECK(word == load_word<std::uint32_t>(matrix.words.data(), slots[k] * cols + c));
    }
  }
}
