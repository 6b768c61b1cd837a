#include <atomic>
#include <bit>
#include <stdexcept>
#include <string>

#include "kernels/lane_code.h"
#include "kernels/strip.h"
#include "kernels/threads.h"
#include "kernels/uniform_code.h"

namespace herm {

namespace {

[[noreturn]] void corrupt(const char* what) { throw KernelError("HERM_CORRUPT", what); }

template <DType D>
class StripDecoder : Strip<D> {
  using Base = Strip<D>;
  using Base::c_, Base::c_grids_, Base::contexts_, Base::f_, Base::f_grids_, Base::high_, Base::lanes_, Base::low_,
      Base::models, Base::ordinals_, Base::p_, Base::p_grids_, Base::prediction_, Base::shifts_;
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
  void decode_fresh(const Job& job, RansDecoder& coder) {
    if (!lanes_.even) decode_shifts(coder);
    for (std::size_t root = 0; root < lanes_.roots; ++root) {
      if (root % 16 == 0) job.check();
      Base::fill_grids(c_grids_, root, from_, to_);
      const int scale = Base::last_root_scale = get_scale(coder, models.root_scale, Base::last_root_scale);
      each_element<1, 2>(coder, from_, to_, [&](auto& run, std::size_t e, unsigned state) HERM_INLINED {
        ordinals_[e] = get_coded(run, e, state, scale, 0, 0, false);
      });
      Base::fill_words(ordinals_, c_grids_, 0, from_, to_, c_);
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
    each_element<1, 2>(coder, from_, to_, [&](auto& run, std::size_t e, unsigned state) HERM_INLINED {
      const bool flip = (correlation > 0) & (Code::negative(p_[e]) != negative);
      ordinals_[e] = get_coded(run, e, state, scale, correlation, contexts_[e], flip);
    });
    Base::fill_words(ordinals_, c_grids_, 0, from_, to_, c_);
    return false;
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
      const Ordinal ordinal = get_coded(coder, e, e & 3, scale, kCorrelations + correlation, magnitude, negative);
      c_[e] = Format::word(ordinal, c_grids_[e]);
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
    each_element<3, 3>(coder, from_, to_, [&](auto& run, std::size_t e, unsigned state) HERM_INLINED {
      const OrdinalRange range{low_[e], high_[e]};
      if (range.empty()) corrupt("no weight gives its parent");
      const bool around_zero = (range.low <= 0) & (range.high >= -1);
      if (!around_zero && Base::plain_cells(e)) [[likely]] {
        ordinals_[e] = low_[e] + static_cast<Ordinal>(get_uniform(run, state, place_count(range)));
      } else {
        ordinals_[e] = run.apart([&](RansDecoder& decoder) { return get_unevenly(decoder, e, range, around_zero); });
      }
    });
    Base::fill_words(ordinals_, f_grids_, interval.flip(), from_, to_, f_);
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

  // As an ordinal.
  template <class Decoder>
  HERM_INLINE Ordinal get_coded(Decoder& coder, std::size_t e, unsigned state, int scale, std::size_t correlation,
                                std::size_t context, bool flip) {
    const Grid grid = c_grids_[e];
    LevelModel& model = models.level(Base::is_coarse(grid), correlation, context);
    return static_cast<Ordinal>(get_ordinal<D>(coder, model, state, grid, Base::expected(scale, e), flip));
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

  std::size_t from_ = 0, to_ = 0;
};

template <DType D>
void decode_strip(const Job& job, const CodedLanes& coded, std::size_t strip) {
  const StrictFloat strict;
  const auto& [name, lanes, levels, wanted, sections] = coded;
  const std::size_t begin = lanes.length * strip / levels.strips, end = lanes.length * (strip + 1) / levels.strips;
  StripDecoder<D> decoder(lanes, begin, end);
  std::size_t elements = 0, instructions = 0;
  for (std::size_t level = 0; level < levels.levels(); ++level) {
    const std::size_t reach = levels.strips > 1 ? end - begin : levels.elements[level];
    const std::size_t last = levels.instructions[level];
    const auto* const section = &sections[2 * (level * levels.strips + strip)];
    decoder.decode(job, section[0], 0, elements, false, instructions, last, wanted);
    decoder.decode(job, section[1], elements, reach, true, 0, last, wanted);
    elements = reach;
    instructions = last;
  }
}

// An error says whose it is.
template <class Work>
void naming(const CodedLanes& coded, Work&& work) {
  try {
    work();
  } catch (const KernelError& error) {
    if (coded.name.empty()) throw;
    throw KernelError(error.code(), coded.name + " is corrupt: " + error.what());
  }
}

// Models learn from everything that is coded, so only the last instructions of the last level may be left; and not
// where elements are new with it, as these come after them.
void check_wanted(const LaneLevels& levels, std::size_t wanted) {
  const std::size_t count = levels.levels();
  if (count == 0 || wanted >= levels.instructions[count - 1]) return;
  const bool grows = count > 1 && levels.elements[count - 1] != levels.elements[count - 2];
  if (grows || (count > 1 && wanted < levels.instructions[count - 2])) {
    throw std::invalid_argument("instructions before the last level's own cannot be left coded");
  }
}

}  // namespace

void decode_lanes(const Job& job, std::span<const CodedLanes> all) {
  // A strip is decoded by one thread; those of all lanes are there to be shared out.
  struct Part {
    std::size_t lanes, strip;
  };
  std::vector<Part> parts;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto& [name, lanes, levels, wanted, sections] = all[k];
    naming(all[k], [&, &lanes = lanes, &levels = levels] { check_lanes(lanes, levels); });
    if (sections.size() != levels.sections()) throw std::invalid_argument("every section needs its bytes");
    check_wanted(levels, wanted);
    for (std::size_t strip = 0; strip < levels.strips; ++strip) parts.push_back({k, strip});
  }
  std::atomic<std::size_t> done{0};
  parallel_for(job, parts.size(), 1, [&](std::size_t i, std::size_t) {
    const auto [k, strip] = parts[i];
    naming(all[k], [&] { with_dtype(all[k].lanes.dtype, [&]<DType D>() { decode_strip<D>(job, all[k], strip); }); });
    job.progress(static_cast<double>(++done) / static_cast<double>(parts.size()));
  });
}

void decode_lanes(const Job& job, const NodeLanes& lanes, const LaneLevels& levels, std::size_t wanted,
                  std::span<const std::uint8_t> data, std::span<const std::uint64_t> sizes) {
  CodedLanes coded{{}, lanes, levels, wanted, {}};
  for (const std::uint64_t size : sizes) {
    if (size > data.size()) corrupt("a section is longer than what there is");
    coded.sections.push_back(data.first(size));
    data = data.subspan(size);
  }
  if (!data.empty()) corrupt("bytes are left over after the last section");
  decode_lanes(job, {&coded, 1});
}

}  // namespace herm
