// Decodes a strip of elements, section after section (lane_code.h).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/error.h"
#include "kernels/job.h"
#include "kernels/strip.h"
#include "kernels/uniform_code.h"

namespace herm {

template <DType D>
class StripDecoder : Strip<D> {
  using Base = Strip<D>;
  using Base::c_, Base::c_grids_, Base::choices_, Base::contexts_, Base::f_, Base::f_grids_, Base::high_, Base::lanes_,
      Base::loops_, Base::low_, Base::models, Base::ordinals_, Base::p_, Base::p_grids_, Base::prediction_,
      Base::shifts_, Base::symbols_;
  using typename Base::Code, typename Base::Format, typename Base::Ordinal, typename Base::Split, typename Base::Word;

 public:
  using Base::Base;

  // The mirror of StripEncoder::encode; instructions from `wanted` on are left coded, and what follows with them.
  void decode(const Job& job, std::span<const std::uint8_t> section, std::size_t from, std::size_t to, bool fresh,
              std::size_t first, std::size_t last, std::size_t wanted) {
    if (from == to || (!fresh && first == last)) {
      if (!section.empty()) corrupt("a section that codes nothing is not empty");
      return;
    }
    from_ = from;
    to_ = to;
    RansDecoder coder(section, Base::states(to - from, fresh, last - first));
    if (fresh && !lanes_.only_followed) decode_fresh(job, coder);
    for (std::size_t n = first; n < std::min(last, wanted); ++n) {
      if (n % 16 == 0) job.check();
      decode_split(coder, Base::split(n));
    }
    if (last <= wanted) coder.finish();
  }

 private:
  [[noreturn]] static void corrupt(const char* what) { throw KernelError("HERM_CORRUPT", what); }

  void decode_fresh(const Job& job, RansDecoder& coder) {
    if (!lanes_.even) decode_shifts(coder);
    for (std::size_t root = 0; root < lanes_.roots; ++root) {
      if (root % 16 == 0) job.check();
      Base::fill_grids(c_grids_, root, from_, to_);
      const int scale = Base::last_root_scale = get_scale(coder, models.root_scale, Base::last_root_scale);
      std::fill(contexts_.begin() + at(from_), contexts_.begin() + at(to_), std::uint8_t{0});
      decode_numbers(coder, scale, 0, false);
      Base::write(root, from_, to_, c_);
      models.settle();
    }
  }

  void decode_shifts(RansDecoder& coder) {
    for (std::size_t e = from_; e < to_; ++e) {
      shifts_[e] = static_cast<std::int8_t>(static_cast<int>(models.shift.get(coder, e & 3)) - kShiftReach);
    }
    models.settle();
    prediction_.distances.resize(coder.bits(kDistanceCountBits));
    if (prediction_.distances.size() > kMostDistances) corrupt("a lane looks back too often");
    for (std::uint16_t& distance : prediction_.distances) {
      distance = static_cast<std::uint16_t>(1 + coder.bits(kDistanceBits));
    }
  }

  void decode_split(RansDecoder& coder, const Split& split) {
    Base::fill_grids(p_grids_, split.parent, from_, to_);
    Base::fill_grids(c_grids_, split.coded, from_, to_);
    Base::fill_grids(f_grids_, split.followed, from_, to_);
    Base::read(split.parent, from_, to_, p_);
    bool followed_near = false;
    if (lanes_.only_followed) {
      Base::read(split.coded, from_, to_, c_);
    } else {
      followed_near = decode_coded(coder, split);
    }
    if (split.absorbing) {
      std::copy(p_.begin() + static_cast<std::ptrdiff_t>(from_), p_.begin() + static_cast<std::ptrdiff_t>(to_),
                f_.begin() + static_cast<std::ptrdiff_t>(from_));
    } else if (!followed_near) {
      decode_followed(coder, split);
    }
    if (!lanes_.only_followed) Base::write(split.coded, from_, to_, c_);
    Base::write(split.followed, from_, to_, f_);
    models.settle();
  }

  // Returns whether the followed child was coded, too.
  bool decode_coded(RansDecoder& coder, const Split& split) {
    const std::size_t mode = models.mode.get(coder, 0);
    if (mode > kPredicted) {
      decode_predicted(coder, mode - kPredicted);
      return false;
    }
    if (mode >= kNear) return decode_near(coder, split, mode == kNearBoth);
    const std::size_t correlation = mode > kCorrelations ? mode - kCorrelations : mode;
    const bool negative = mode > kCorrelations;
    Base::fill_contexts(from_, to_);
    const int scale = get_scale(coder, models.scale, Base::parent_scale_);
    if (correlation == 0) std::fill(contexts_.begin() + at(from_), contexts_.begin() + at(to_), std::uint8_t{0});
    decode_numbers(coder, scale, correlation, negative);
    return false;
  }

  // A coded lane, by the classes of magnitude in contexts_. `opposite`: signs are mostly those that the parent has not.
  void decode_numbers(RansDecoder& coder, int scale, std::size_t correlation, bool opposite) {
    const std::size_t size = to_ - from_;
    const std::size_t coarse =
        loops_.mark_coarse(grids_from(c_grids_, from_), Base::fine(), size, contexts_.data() + from_);
    decode_symbols(coder, models_by_context(correlation, coarse < size, coarse > 0));
    decode_low_bits(coder.plain_bits(), coarse == 0 || coarse == size);
    const SymbolArrays<D> said{symbols_.data() + from_,
                               ordinals_.data() + from_,
                               grids_from(c_grids_, from_),
                               shifts_.data() + from_,
                               scale,
                               p_.data() + from_,
                               correlation == 0 ? Word{0} : Format::kSign,
                               static_cast<int>(opposite)};
    if (loops_.numbers(said, size, c_.data() + from_) == 0) corrupt("a coded weight is no number of its format");
    for (const auto& [e, code] : escapes_) {
      const auto low = static_cast<std::uint64_t>(ordinals_[e]);
      c_[e] = Format::word(Code::ordinal(code >> 1, low, (code & 1) != 0, c_grids_[e]), c_grids_[e]);
    }
  }

  // Of numbers on the tensor's own grid, then of those on coarse ones.
  using ModelTable = std::array<LevelModel*, 2 * kMagnitudes>;
  ModelTable models_by_context(std::size_t correlation, bool fine, bool coarse) {
    ModelTable table{};
    const auto add = [&](bool of_coarse) {
      LaneModels::OfMagnitudes& of = models.levels(of_coarse, correlation);
      for (std::size_t m = 0; m < kMagnitudes; ++m) table[of_coarse * kMagnitudes + m] = &of[m];
    };
    if (fine) add(false);
    if (coarse) add(true);
    return table;
  }

  void decode_symbols(RansDecoder& coder, const ModelTable& table) {
    const std::uint8_t* const contexts = contexts_.data();
    std::uint8_t* const symbols = symbols_.data();
    each_symbol(
        coder, from_, to_, [](std::size_t) HERM_INLINED { return true; },
        [&](auto& run, std::size_t e, unsigned state)
            HERM_INLINED { symbols[e] = static_cast<std::uint8_t>(table[contexts[e]]->get(run, state)); });
  }

  // What follows symbols_: into ordinals_, and levels that are said in full into escapes_. `even`: numbers have as many
  // bits each.
  void decode_low_bits(BitReader& bits, bool even) {
    escapes_.clear();
    const std::size_t size = to_ - from_;
    if (even && loops_.all_relative(symbols_.data() + from_, size) != 0) {
      return bits.take_all(Code::low_count(c_grids_[from_]), std::span(ordinals_).subspan(from_, size));
    }
    for (std::size_t e = from_; e < to_; ++e) {
      if (symbols_[e] == kEscapeSymbol) [[unlikely]]
        escapes_.push_back({e, static_cast<int>(bits.take(Code::kLevelBits + 1))});
      const int count = symbols_[e] < kEscapeSymbol ? 0 : Code::low_count(c_grids_[e]);
      ordinals_[e] = static_cast<Ordinal>(bits.take(count));
    }
  }

  void decode_predicted(RansDecoder& coder, std::size_t correlation) {
    if (prediction_.distances.empty()) corrupt("a lane looks back nowhere");
    PredictionWeights weights;
    weights.parent = get_weight(coder, models.parent_weight);
    for (std::size_t k = 0; k < prediction_.distances.size(); ++k) {
      weights.neighbours[k] = get_weight(coder, models.neighbour_weights[k]);
    }
    const int scale = get_scale(coder, models.scale, Base::scale(p_, p_grids_, from_, to_));
    prediction_.start(weights, p_, from_, to_);
    for (std::size_t e = from_; e < to_; ++e) {
      const auto [magnitude, negative] = prediction_.at(e, shifts_[e], scale);
      const Grid grid = c_grids_[e];
      LevelModel& model = models.levels(Base::is_coarse(grid), kCorrelations + correlation)[magnitude];
      c_[e] = get_number<D>(coder, model, e & 3, grid, Base::expected(scale, e), negative);
      prediction_.learn(e, c_[e]);
    }
  }
  static int get_weight(RansDecoder& coder, AdaptiveModel<kWeightSymbols>& model) {
    return static_cast<int>(model.get(coder, 0)) - kWeightReach;
  }

  bool decode_near(RansDecoder& coder, const Split& split, bool both) {
    if (both && split.absorbing) corrupt("an absorbed neuron is coded twice");
    decode_differences(coder, models.coded_difference, p_, c_grids_, c_);
    if (both) decode_differences(coder, models.followed_difference, c_, f_grids_, f_);
    return both;
  }
  void decode_differences(RansDecoder& coder, AdaptiveModel<kDifferenceSymbols>& model, const std::vector<Word>& base,
                          const LaneGrids& grids, std::vector<Word>& words) {
    const auto factor = std::bit_cast<float>(static_cast<std::uint32_t>(coder.bits(32)));
    if (!std::isfinite(factor)) corrupt("a neuron is no finite multiple of another");
    for (std::size_t e = from_; e < to_; ++e) {
      const Grid grid = grids[e];
      const std::int64_t predicted = Format::ordinal(Format::round(scaled<D>(factor, base[e]), grid), grid);
      const std::int64_t ordinal = unzigzag(predicted, get_difference(coder, model, e));
      if (ordinal < Format::min_ordinal(grid) || ordinal > Format::max_ordinal(grid)) {
        corrupt("a coded weight is no number of its format");
      }
      words[e] = Format::word(ordinal, grid);
    }
  }

  void decode_followed(RansDecoder& coder, const Split& split) {
    const ChildInterval<D> interval(split.a_followed);
    Base::fill_ranges(interval, split.a_coded, from_, to_);
    Base::fill_choices(from_, to_);
    each_symbol(
        coder, from_, to_,
        [&](std::size_t e)
            HERM_INLINED { return choices_[e] && choices_[e + 1] && choices_[e + 2] && choices_[e + 3]; },
        [&](auto& run, std::size_t e, unsigned state) HERM_INLINED { ordinals_[e] = get_followed(run, e, state); });
    Base::fill_words(ordinals_, f_grids_, interval.flip(), from_, to_, f_);
  }

  HERM_INLINE Ordinal get_followed(RansRun& run, std::size_t e, unsigned state) {
    return low_[e] + static_cast<Ordinal>(run.uniform(state, choices_[e]));
  }
  Ordinal get_followed(RansDecoder& coder, std::size_t e, unsigned state) {
    if (choices_[e] != 0) return low_[e] + static_cast<Ordinal>(coder.uniform(state, choices_[e]));
    const OrdinalRange range{low_[e], high_[e]};
    if (range.empty()) corrupt("no weight gives its parent");
    const bool around_zero = range.low <= 0 && range.high >= -1;
    if (around_zero || !Base::plain_cells(e)) return get_unevenly(coder, e, range, around_zero);
    return low_[e] + static_cast<Ordinal>(get_uniform(coder, state, place_count(range)));
  }

  // Where the numbers of an interval are not all cells.
  [[gnu::noinline]] Ordinal get_unevenly(RansDecoder& coder, std::size_t e, OrdinalRange range, bool around_zero) {
    return static_cast<Ordinal>(around_zero ? get_around_zero(coder, e, range) : get_place(coder, e, range));
  }
  std::int64_t get_around_zero(RansDecoder& coder, std::size_t e, OrdinalRange range) {
    const std::size_t zero = models.zero[2 * Code::is_zero(p_[e]) + Code::is_zero(c_[e])].get(coder, e & 3);
    if (zero == 0) return get_place(coder, e, range);
    const std::int64_t y = zero == 1 ? 0 : -1;
    if (!range.holds(y)) corrupt("a weight does not give its parent");
    return y;
  }
  std::int64_t get_place(RansDecoder& coder, std::size_t e, OrdinalRange range) {
    const Cells<D> cells(range, f_grids_[e]);
    const std::int64_t y = get_in_cells(coder, e, cells);
    if (!range.holds(y)) corrupt("a weight does not give its parent");
    return y;
  }
  std::int64_t get_in_cells(RansDecoder& coder, std::size_t e, const Cells<D>& cells) {
    const std::int64_t signed_cell = cells.at(get_uniform(coder, e & 3, cells.count()));
    const std::uint64_t cell = Cells<D>::magnitude(signed_cell);
    std::uint64_t magnitude = cell;
    if (cells.size() > 0) {
      magnitude = cell != 0 ? inside(coder, cells, cell) : near_zero(coder, e, cells);
    }
    const auto steps = static_cast<std::int64_t>(magnitude);
    return signed_cell < 0 ? ~steps : steps;
  }
  std::uint64_t inside(RansDecoder& coder, const Cells<D>& cells, std::uint64_t cell) {
    const int inner = cells.inner_bits(cell);
    return cells.magnitude_of(cell << inner | coder.bits(inner), cells.size() - inner);
  }
  std::uint64_t near_zero(RansDecoder& coder, std::size_t e, const Cells<D>& cells) {
    std::size_t depth = models.depth.get(coder, e & 3);
    if (depth == kDepthSymbols - 1) depth = coder.bits(12);
    if (depth >= static_cast<std::size_t>(cells.size())) corrupt("a weight is too small");
    const int width = cells.size() - static_cast<int>(depth), kept = std::min(width - 1, cells.mantissa());
    return cells.magnitude_of(std::uint64_t{1} << kept | coder.bits(kept), width - 1 - kept);
  }

  static std::ptrdiff_t at(std::size_t e) { return static_cast<std::ptrdiff_t>(e); }

  static int get_scale(RansDecoder& coder, AdaptiveModel<kScaleSymbols>& model, int expected) {
    const std::size_t symbol = model.get(coder, 1);
    if (symbol < kScaleSymbols - 1) return expected + static_cast<int>(symbol) - kScaleReach;
    return static_cast<std::int32_t>(coder.bits(kScaleBits) << (32 - kScaleBits)) >> (32 - kScaleBits);
  }
  static std::uint64_t get_difference(RansDecoder& coder, AdaptiveModel<kDifferenceSymbols>& model, std::size_t e) {
    const std::size_t symbol = model.get(coder, e & 3);
    if (symbol < kSmallDifferences) return symbol;
    const int width = static_cast<int>(symbol - kSmallDifferences) + 5;
    const std::uint64_t low = coder.bits(std::min(32, width - 1));
    const std::uint64_t high = width > 33 ? coder.bits(width - 33) : 0;
    return std::uint64_t{1} << (width - 1) | high << 32 | low;
  }

  struct Escape {
    std::size_t e;
    int code;  // 2·level + sign
  };

  std::size_t from_ = 0, to_ = 0;
  std::vector<Escape> escapes_;
};

}  // namespace herm
