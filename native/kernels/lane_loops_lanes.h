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

  static std::size_t mark_coarse(const GridArrays& grids, Grid fine, std::size_t size,
                                 std::uint8_t* __restrict contexts) {
    const std::int32_t* const bits = grids.bits;
    const std::int32_t* const floors = grids.floors;
    std::uint32_t count = 0;
    for (std::size_t e = 0; e < size; ++e) {
      const std::uint32_t coarse = (bits[e] != fine.bits) | (floors[e] != fine.floor);
      contexts[e] = static_cast<std::uint8_t>(contexts[e] + coarse * kMagnitudes);
      count += coarse;
    }
    return count;
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

  static int all_relative(const std::uint8_t* symbols, std::size_t size) {
    std::uint8_t least = kLevelSymbols;
    for (std::size_t e = 0; e < size; ++e) least = std::min(least, symbols[e]);
    return static_cast<int>(least >= kFirstLevelSymbol);
  }

  static int numbers(const SymbolArrays<D>& said_of, std::size_t size, Word* __restrict words) {
    const SymbolArrays<D> in = said_of;
    std::int32_t valid = 1;
    for (std::size_t e = 0; e < size; ++e) {
      const Grid grid{in.grids.bits[e], in.grids.floors[e]};
      const std::int32_t symbol = in.symbols[e], place = symbol - static_cast<std::int32_t>(kFirstLevelSymbol);
      const std::int32_t level = ((in.scale + 4 * in.shifts[e] + 2) >> 2) + kLowestLevel + (place >> 1);
      const int flip = static_cast<int>((in.signs[e] & in.sign) != 0) ^ in.opposite;
      const typename Numbers::Said said = Numbers::said(level, in.low_bits[e], grid);
      const Ordinal of_level = said.steps ^ -static_cast<Ordinal>((place & 1) ^ flip);
      const bool is_level = symbol >= static_cast<std::int32_t>(kFirstLevelSymbol);
      words[e] = Numbers::word(is_level ? of_level : static_cast<Ordinal>(-symbol), grid);
      valid &= said.valid | static_cast<int>(!is_level);
    }
    return valid;
  }

  static int ranges(const RangeArrays<D>& in, double a_coded, double reciprocal, std::size_t size,
                    Ordinal* __restrict low, Ordinal* __restrict high, std::int32_t* __restrict clear) {
    if constexpr (D == DType::F64) {
      std::fill_n(clear, size, 0);
      return 0;
    } else {
      const Word* const parents = in.parents;
      const Word* const coded = in.coded;
      const GridArrays p = in.parent_grids, f = in.followed_grids;
      std::int32_t all = 1;
      for (std::size_t e = 0; e < size; ++e) {
        const double product = a_coded * Numbers::to_double(coded[e]);
        clear[e] = Numbers::quick_range(parents[e], {p.bits[e], p.floors[e]}, product, {f.bits[e], f.floors[e]},
                                        reciprocal, low[e], high[e]);
        all &= clear[e];
      }
      return all;
    }
  }

  static void choices(const Ordinal* low, const Ordinal* high, const std::int32_t* bits, std::size_t size,
                      std::uint16_t* __restrict choices) {
    constexpr int kTop = 8 * sizeof(Ordinal) - 1;
    using Count = std::make_unsigned_t<Ordinal>;
    for (std::size_t e = 0; e < size; ++e) {
      const int kept = Numbers::Format::kMantissa - bits[e];
      const Ordinal first = low[e] ^ (low[e] >> kTop), last = high[e] ^ (high[e] >> kTop);
      const Count count = static_cast<Count>(high[e]) - static_cast<Count>(low[e]) + 1;
      const bool around_zero = (low[e] <= 0) & (high[e] >= -1);
      const bool cells = first >> kept == last >> kept;
      const bool single = (low[e] <= high[e]) & (count <= kMaxUniform);
      choices[e] = static_cast<std::uint16_t>(!around_zero & cells & single ? count : 0);
    }
  }

 private:
  static constexpr Word kSign = Numbers::Format::kSign;
};

}  // namespace

}  // namespace herm::HERM_SIMD
