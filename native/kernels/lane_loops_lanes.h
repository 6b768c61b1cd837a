// The loops of lane_loops.cc, which each_cpu.h compiles. No include guard.
namespace herm::HERM_SIMD {

namespace {

template <DType D>
struct Loops {
  using Numbers = GridNumbers<D>;
  using Word = typename Numbers::Word;
  using Ordinal = typename Numbers::Ordinal;

  static LevelSum levels(const Word* words, const GridArrays& grids, const std::int8_t* shifts, std::size_t size,
                         std::int32_t* levels) {
    std::int64_t sum = 0, count = 0;
    for (std::size_t e = 0; e < size; ++e) {
      const std::int32_t level = Numbers::level(words[e], {grids.bits[e], grids.floors[e]}) - shifts[e];
      const bool counts = Numbers::magnitude(words[e]) != 0;
      levels[e] = level;
      sum += counts ? level : 0;
      count += counts;
    }
    return {sum, count};
  }

  static void contexts(const Word* words, const std::int32_t* levels, int mean, std::size_t size,
                       std::uint8_t* contexts) {
    for (std::size_t e = 0; e < size; ++e) {
      const std::int32_t reached = magnitude_class(4 * levels[e] - mean);
      contexts[e] = static_cast<std::uint8_t>(Numbers::magnitude(words[e]) == 0 ? 0 : reached);
    }
  }

  static void words(const Ordinal* ordinals, const GridArrays& grids, Word flip, std::size_t size, Word* words) {
    for (std::size_t e = 0; e < size; ++e) {
      words[e] = static_cast<Word>(Numbers::word(ordinals[e], {grids.bits[e], grids.floors[e]}) ^ flip);
    }
  }

  static void ordinals(const Word* words, const GridArrays& grids, Word flip, std::size_t size, Ordinal* ordinals) {
    for (std::size_t e = 0; e < size; ++e) {
      ordinals[e] = Numbers::ordinal(static_cast<Word>(words[e] ^ flip), {grids.bits[e], grids.floors[e]});
    }
  }

  static void ranges(const RangeArrays<D>& in, double a_coded, double reciprocal, std::size_t size,
                     Ordinal* __restrict low, Ordinal* __restrict high, std::int32_t* __restrict clear) {
    if constexpr (D == DType::F64) {
      std::fill_n(clear, size, 0);
    } else {
      const Word* const parents = in.parents;
      const Word* const coded = in.coded;
      const GridArrays p = in.parent_grids, f = in.followed_grids;
      for (std::size_t e = 0; e < size; ++e) {
        const double product = a_coded * Numbers::to_double(coded[e]);
        clear[e] = Numbers::quick_range(parents[e], {p.bits[e], p.floors[e]}, product, {f.bits[e], f.floors[e]},
                                        reciprocal, low[e], high[e]);
      }
    }
  }
};

}  // namespace

}  // namespace herm::HERM_SIMD
