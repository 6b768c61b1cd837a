// Loops over the elements of a lane, compiled for every kind of CPU: exact integer and IEEE operations, each by itself,
// so that all give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/grid_numbers.h"

namespace herm {

// The grids of a lane's elements.
struct LaneGrids {
  explicit LaneGrids(std::size_t size) : bits(size), floors(size) {}

  Grid operator[](std::size_t e) const { return {bits[e], floors[e]}; }

  std::vector<std::int32_t> bits, floors;
};

struct GridArrays {
  const std::int32_t* bits;
  const std::int32_t* floors;
};
inline GridArrays grids_from(const LaneGrids& grids, std::size_t from) {
  return {grids.bits.data() + from, grids.floors.data() + from};
}

struct LevelSum {
  std::int64_t sum, count;
};

template <DType D>
struct RangeArrays {
  const typename FloatGrid<D>::Word* parents;
  GridArrays parent_grids;
  const typename FloatGrid<D>::Word* coded;
  GridArrays followed_grids;
};

// What is said of numbers (number_symbols.h): symbols, the bits below, and how they are to be read.
template <DType D>
struct SymbolArrays {
  const std::uint8_t* symbols;
  const typename GridNumbers<D>::Ordinal* low_bits;
  GridArrays grids;
  const std::int8_t* shifts;
  int scale;
  // Said are the opposites of signs where these numbers have the bit `sign`, or for `opposite` = 1 where they have not.
  const typename FloatGrid<D>::Word* signs;
  typename FloatGrid<D>::Word sign;
  int opposite;
};

template <DType D>
struct LaneLoops {
  using Word = typename GridNumbers<D>::Word;
  using Ordinal = typename GridNumbers<D>::Ordinal;

  // Levels less shifts, and their sum over all numbers that are not zero.
  LevelSum (*levels)(const Word* words, const GridArrays& grids, const std::int8_t* shifts, std::size_t size,
                     std::int32_t* levels);
  // Classes of magnitude (lane_models.h); `mean` in quarters of a level.
  void (*contexts)(const Word* words, const std::int32_t* levels, int mean, std::size_t size, std::uint8_t* contexts);
  // Adds kMagnitudes to the classes of numbers that lie on another grid than `fine`. Returns how many do.
  std::size_t (*mark_coarse)(const GridArrays& grids, Grid fine, std::size_t size, std::uint8_t* contexts);
  // Numbers of ordinals, and ordinals of numbers, where signs are flipped or not.
  void (*words)(const Ordinal* ordinals, const GridArrays& grids, Word flip, std::size_t size, Word* words);
  void (*ordinals)(const Word* words, const GridArrays& grids, Word flip, std::size_t size, Ordinal* ordinals);
  // Whether all symbols are levels relative to what is expected.
  int (*all_relative)(const std::uint8_t* symbols, std::size_t size);
  // The numbers that symbols say; 0 where one is no number of its format. Levels that are said in full are not looked
  // at.
  int (*numbers)(const SymbolArrays<D>& in, std::size_t size, Word* words);
  // ChildInterval::range where `clear` is 1 afterwards; 0 where it is not of some.
  int (*ranges)(const RangeArrays<D>& in, double a_coded, double reciprocal, std::size_t size, Ordinal* low,
                Ordinal* high, std::int32_t* clear);
  // Of ranges, how many numbers they hold; 0 where these are not as many equal cells, have no sign in common, or are
  // more than one symbol tells.
  void (*choices)(const Ordinal* low, const Ordinal* high, const std::int32_t* bits, std::size_t size,
                  std::uint16_t* choices);
};

// Of all kinds of CPU that this one can be, the plainest first.
template <DType D>
std::vector<const LaneLoops<D>*> all_lane_loops();

// For the CPU at hand.
template <DType D>
const LaneLoops<D>& lane_loops();

}  // namespace herm
