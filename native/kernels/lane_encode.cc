#include <bit>
#include <stdexcept>

#include "kernels/lane_code.h"
#include "kernels/prediction_fit.h"
#include "kernels/strip.h"
#include "kernels/threads.h"
#include "kernels/uniform_code.h"

namespace herm {

namespace {

template <DType D>
class StripEncoder : Strip<D> {
  using Base = Strip<D>;
  using Base::c_, Base::c_grids_, Base::contexts_, Base::f_, Base::f_grids_, Base::high_, Base::lanes_, Base::levels_,
      Base::low_, Base::models, Base::ordinals_, Base::p_, Base::p_grids_, Base::prediction_, Base::shifts_;
  using typename Base::Code, typename Base::Format, typename Base::Split, typename Base::Word;

 public:
  StripEncoder(const NodeLanes& lanes, std::size_t begin, std::size_t end, std::span<const std::int8_t> shifts)
      : Base(lanes, begin, end) {
    std::copy(shifts.begin() + static_cast<std::ptrdiff_t>(begin), shifts.begin() + static_cast<std::ptrdiff_t>(end),
              shifts_.begin());
  }

  // Elements [from, to) of the strip: their shifts and roots if they are new, then instructions [first, last).
  void encode(const Job& job, std::size_t from, std::size_t to, bool fresh, std::size_t first, std::size_t last,
              std::vector<std::uint8_t>& out) {
    if (from == to || (!fresh && first == last)) return;
    from_ = from;
    to_ = to;
    if (fresh && !lanes_.only_followed) encode_fresh(job);
    for (std::size_t n = first; n < last; ++n) {
      if (n % 16 == 0) job.check();
      encode_split(Base::split(n));
    }
    coder_.finish(Base::states(to - from, fresh, last - first), out);
  }

 private:
  void encode_fresh(const Job& job) {
    if (!lanes_.even) encode_shifts();
    for (std::size_t root = 0; root < lanes_.roots; ++root) {
      if (root % 16 == 0) job.check();
      Base::fill_grids(c_grids_, root, from_, to_);
      Base::read(root, from_, to_, c_);
      const int scale = Base::scale(c_, c_grids_, from_, to_);
      put_scale(models.root_scale, scale, Base::last_root_scale);
      Base::last_root_scale = scale;
      for (std::size_t e = from_; e < to_; ++e) put_coded(e, scale, 0, 0, false);
      models.settle();
    }
  }

  void encode_shifts() {
    for (std::size_t e = from_; e < to_; ++e)
      models.shift.put(coder_, e & 3, static_cast<std::size_t>(std::ptrdiff_t{shifts_[e]} + kShiftReach));
    models.settle();
    prediction_.distances = distances();
    coder_.bits(prediction_.distances.size(), kDistanceCountBits);
    for (const std::uint16_t distance : prediction_.distances) coder_.bits(distance - 1u, kDistanceBits);
  }

  void encode_split(const Split& split) {
    Base::fill_grids(p_grids_, split.parent, from_, to_);
    Base::fill_grids(c_grids_, split.coded, from_, to_);
    Base::fill_grids(f_grids_, split.followed, from_, to_);
    Base::read(split.parent, from_, to_, p_);
    Base::read(split.coded, from_, to_, c_);
    Base::read(split.followed, from_, to_, f_);
    bool follow_near = false;
    if (!lanes_.only_followed) follow_near = encode_coded(split);
    if (!split.absorbing && !follow_near) encode_followed(split);
    models.settle();
  }

  // Returns whether the followed child is coded, too.
  bool encode_coded(const Split& split) {
    const Moments m = moments();
    if (m.near()) return encode_near(split, m);
    if (encode_predicted(m)) return false;
    const std::size_t correlation = correlation_class(m.correlation());
    const bool negative = correlation > 0 && m.cp < 0;
    models.mode.put(coder_, 0, correlation + (negative ? kCorrelations : 0));
    Base::fill_contexts(from_, to_);
    const int scale = Base::scale(c_, c_grids_, from_, to_);
    put_scale(models.scale, scale, Base::parent_scale_);
    for (std::size_t e = from_; e < to_; ++e) {
      const bool flip = correlation > 0 && Code::negative(p_[e]) != negative;
      put_coded(e, scale, correlation, correlation == 0 ? 0 : contexts_[e], flip);
    }
    return false;
  }

  struct Moments {
    double cc = 0, pp = 0, ff = 0, cp = 0, cf = 0;

    bool near() const {
      return cp != 0 && cp * cp > 0.999 * cc * pp && std::isfinite(cp * cp) && std::isfinite(cc * pp);
    }
    double correlation() const { return std::fabs(cp) / (std::sqrt(cc) * std::sqrt(pp)); }
  };
  static std::size_t correlation_class(double correlation) {
    if (!(correlation >= 0.08)) return 0;
    return 1 + std::min<std::size_t>(kCorrelations - 1, static_cast<std::size_t>(correlation * kCorrelations));
  }
  Moments moments() const {
    Moments m;
    for (std::size_t e = from_; e < to_; ++e) {
      const double c = Format::to_double(c_[e]), p = Format::to_double(p_[e]);
      const double f = Format::to_double(f_[e]);
      m.cc += c * c;
      m.pp += p * p;
      m.ff += f * f;
      m.cp += c * p;
      m.cf += c * f;
    }
    return m;
  }

  // The coded child in the light of its prediction, if that saves bits. Returns whether it does.
  bool encode_predicted(const Moments& m) {
    if (prediction_.distances.empty()) return false;
    const auto [weights, of] = fit();
    const std::size_t correlation = of > 0 ? correlation_class(of) : 0;
    const double size = static_cast<double>(to_ - from_);
    if (correlation == 0 || size * (saved_bits(of) - saved_bits(m.correlation())) < kPredictionBits) {
      return false;
    }
    models.mode.put(coder_, 0, kPredicted + correlation);
    put_weight(models.parent_weight, weights.parent);
    for (std::size_t k = 0; k < prediction_.distances.size(); ++k) {
      put_weight(models.neighbour_weights[k], weights.neighbours[k]);
    }
    const int of_parent = Base::scale(p_, p_grids_, from_, to_), scale = Base::scale(c_, c_grids_, from_, to_);
    put_scale(models.scale, scale, of_parent);
    prediction_.start(weights, p_, from_, to_);
    for (std::size_t e = from_; e < to_; ++e) {
      const auto [magnitude, negative] = prediction_.at(e, shifts_[e], scale);
      put_coded(e, scale, kCorrelations + correlation, magnitude, negative);
      prediction_.learn(e, c_[e]);
    }
    return true;
  }
  // A number, by what correlates with it.
  static double saved_bits(double correlation) {
    return -0.5 * std::log2(std::max(1e-9, 1 - correlation * correlation));
  }
  void put_weight(AdaptiveModel<kWeightSymbols>& model, int weight) {
    model.put(coder_, 0, static_cast<std::size_t>(std::ptrdiff_t{weight} + kWeightReach));
  }
  // Elements of smaller scale count as much as others.
  PredictionFit fit() const {
    std::vector<double> child(to_ - from_), parent(child.size()), units(child.size());
    for (std::size_t i = 0; i < child.size(); ++i) {
      child[i] = Format::to_double(c_[from_ + i]);
      parent[i] = Format::to_double(p_[from_ + i]);
      units[i] = unit(from_ + i);
    }
    return fit_prediction(child, parent, units, prediction_.distances);
  }
  double unit(std::size_t e) const { return std::exp2(-0.25 * shifts_[e]); }

  Distances distances() const {
    if (lanes_.instructions() == 0) return {};
    const std::size_t nodes = lanes_.rows.size(), sample = std::min<std::size_t>(nodes, kSampledLanes);
    std::vector<Word> words(to_);
    std::vector<double> lane(to_ - from_);
    Autocovariance covariance(lane.size());
    for (std::size_t i = 0; i < sample; ++i) {
      Base::read(i * nodes / sample, from_, to_, words);
      for (std::size_t e = from_; e < to_; ++e) lane[e - from_] = unit(e) * Format::to_double(words[e]);
      covariance.add(lane);
    }
    return choose_distances(covariance.sums());
  }

  // The coded child as a multiple of the parent, and the followed one, if that takes fewer bits, as one of the coded
  // child.
  bool encode_near(const Split& split, const Moments& m) {
    const float of_parent = factor(m.cp, m.pp), of_coded = factor(m.cf, m.cc);
    const bool both = !split.absorbing && followed_is_near(split, of_coded);
    models.mode.put(coder_, 0, both ? kNearBoth : kNear);
    put_factor(of_parent);
    for (std::size_t e = from_; e < to_; ++e) {
      put_difference(models.coded_difference, e, predicted(of_parent, p_[e], c_grids_[e]),
                     Format::ordinal(c_[e], c_grids_[e]));
    }
    if (!both) return split.absorbing;
    put_factor(of_coded);
    for (std::size_t e = from_; e < to_; ++e) {
      put_difference(models.followed_difference, e, predicted(of_coded, c_[e], f_grids_[e]),
                     Format::ordinal(f_[e], f_grids_[e]));
    }
    return true;
  }
  static float factor(double product, double square) {
    const auto factor = static_cast<float>(product / square);
    return std::isfinite(factor) ? factor : 0;
  }
  static std::int64_t predicted(float factor, Word word, Grid grid) {
    return Format::ordinal(Format::round(scaled<D>(factor, word), grid), grid);
  }
  bool followed_is_near(const Split& split, float of_coded) const {
    const ChildInterval<D> interval(split.a_followed);
    double by_difference = 0, by_interval = 0;
    for (std::size_t e = from_; e < to_; ++e) {
      const Word followed = f_[e];
      const std::uint64_t difference =
          zigzag(predicted(of_coded, c_[e], f_grids_[e]), Format::ordinal(followed, f_grids_[e]));
      by_difference += std::log2(1 + static_cast<double>(difference));
      by_interval += std::log2(static_cast<double>(Cells<D>(range_of(interval, split, e), f_grids_[e]).count()));
    }
    return by_difference < by_interval;
  }

  OrdinalRange range_of(const ChildInterval<D>& interval, const Split& split, std::size_t e) const {
    const double coded = scaled<D>(split.a_coded, c_[e]);
    return interval.range(p_[e], coded, f_grids_[e], p_grids_[e]);
  }

  void encode_followed(const Split& split) {
    const ChildInterval<D> interval(split.a_followed);
    Base::fill_ranges(interval, split.a_coded, from_, to_);
    Base::fill_ordinals(f_, f_grids_, interval.flip(), from_, to_, ordinals_);
    for (std::size_t e = from_; e < to_; ++e) {
      const std::int64_t y = ordinals_[e];
      const OrdinalRange range{low_[e], high_[e]};
      if (!range.holds(y)) throw std::logic_error("a child does not give its parent");
      if (range.low <= 0 && range.high >= -1) {
        put_around_zero(e, range, y);
      } else if (Base::plain_cells(e)) {
        put_uniform(coder_, e & 3, static_cast<std::uint64_t>(y - range.low), place_count(range));
      } else {
        put_place(e, Cells<D>(range, f_grids_[e]), y);
      }
    }
  }
  void put_around_zero(std::size_t e, OrdinalRange range, std::int64_t y) {
    const std::size_t zero = y == 0 ? 1 : y == -1 ? 2 : 0;
    zero_model(e).put(coder_, e & 3, zero);
    if (zero == 0) put_place(e, Cells<D>(range, f_grids_[e]), y);
  }
  AdaptiveModel<3>& zero_model(std::size_t e) { return models.zero[2 * Code::is_zero(p_[e]) + Code::is_zero(c_[e])]; }

  void put_place(std::size_t e, const Cells<D>& cells, std::int64_t y) {
    put_uniform(coder_, e & 3, cells.index(y), cells.count());
    const std::uint64_t cell = Cells<D>::magnitude(cells.cell(y)), magnitude = Cells<D>::magnitude(y);
    if (cells.size() == 0) return;
    if (cell != 0) return coder_.bits(cells.significand(magnitude), cells.inner_bits(cell));
    // The cell at zero, without zero itself: the power of two, then the mantissa.
    const int width = static_cast<int>(std::bit_width(cells.significand(magnitude))) + cells.binade(magnitude);
    const auto depth = static_cast<std::size_t>(cells.size() - width);
    models.depth.put(coder_, e & 3, std::min(depth, kDepthSymbols - 1));
    if (depth >= kDepthSymbols - 1) coder_.bits(depth, 12);
    coder_.bits(cells.significand(magnitude), std::min(width - 1, cells.mantissa()));
  }

  // After scale() of the coded child, which leaves its levels in levels_.
  void put_coded(std::size_t e, int scale, std::size_t correlation, std::size_t context, bool flip) {
    const Grid grid = c_grids_[e];
    LevelModel& model = models.levels(Base::is_coarse(grid), correlation)[context];
    const bool negative = Code::negative(c_[e]);
    if (Code::is_zero(c_[e])) return put_zero(coder_, model, e & 3, negative);
    const auto steps = static_cast<std::uint64_t>(GridNumbers<D>::ordinal(GridNumbers<D>::magnitude(c_[e]), grid));
    const NumberParts parts{levels_[e] + shifts_[e], steps, Code::low_count(grid), negative};
    put_parts<D>(coder_, model, e & 3, parts, Base::expected(scale, e), flip);
  }

  void put_scale(AdaptiveModel<kScaleSymbols>& model, int scale, int expected) {
    const int relative = scale - expected;
    const bool in_reach = relative >= -kScaleReach && relative <= kScaleReach;
    model.put(coder_, 1, in_reach ? static_cast<std::size_t>(relative + kScaleReach) : kScaleSymbols - 1);
    if (!in_reach) coder_.bits(static_cast<std::uint64_t>(scale), kScaleBits);
  }
  void put_factor(float factor) { coder_.bits(std::bit_cast<std::uint32_t>(factor), 32); }
  void put_difference(AdaptiveModel<kDifferenceSymbols>& model, std::size_t e, std::int64_t from, std::int64_t to) {
    const std::uint64_t code = zigzag(from, to);
    if (code < kSmallDifferences) return model.put(coder_, e & 3, code);
    const int width = static_cast<int>(std::bit_width(code));
    model.put(coder_, e & 3, kSmallDifferences + static_cast<std::size_t>(width - 5));
    coder_.bits(code, std::min(32, width - 1));
    if (width > 33) coder_.bits(code >> 32, width - 33);
  }

  static constexpr double kPredictionBits = 24;  // of the weights, about
  static constexpr std::size_t kSampledLanes = 64;

  RansEncoder coder_;
  std::size_t from_ = 0, to_ = 0;
};

template <DType D>
void encode_all(const Job& job, const NodeLanes& lanes, const LaneLevels& levels, std::span<const std::int8_t> shifts,
                std::vector<std::vector<std::uint8_t>>& sections) {
  parallel_for(job, levels.strips, 1, [&](std::size_t strip, std::size_t) {
    const StrictFloat strict;
    const std::size_t begin = lanes.length * strip / levels.strips, end = lanes.length * (strip + 1) / levels.strips;
    StripEncoder<D> encoder(lanes, begin, end, shifts);
    std::size_t elements = 0, instructions = 0;
    for (std::size_t level = 0; level < levels.levels(); ++level) {
      const std::size_t reach = levels.strips > 1 ? end - begin : levels.elements[level];
      const std::size_t last = levels.instructions[level];
      auto* const section = &sections[2 * (level * levels.strips + strip)];
      encoder.encode(job, 0, elements, false, instructions, last, section[0]);
      encoder.encode(job, elements, reach, true, 0, last, section[1]);
      elements = reach;
      instructions = last;
      if (strip == 0) job.progress(static_cast<double>(level + 1) / static_cast<double>(levels.levels()));
    }
  });
}

}  // namespace

void encode_lanes(const Job& job, const NodeLanes& lanes, const LaneLevels& levels,
                  std::span<const std::int8_t> element_shifts, std::vector<std::uint8_t>& out,
                  std::span<std::uint64_t> sizes) {
  check_lanes(lanes, levels);
  if (element_shifts.size() != lanes.length || sizes.size() != levels.sections()) {
    throw std::invalid_argument("lanes need one shift an element, and room for every section's size");
  }
  std::vector<std::vector<std::uint8_t>> sections(levels.sections());
  with_dtype(lanes.dtype, [&]<DType D>() { encode_all<D>(job, lanes, levels, element_shifts, sections); });
  for (std::size_t s = 0; s < sections.size(); ++s) {
    sizes[s] = sections[s].size();
    out.insert(out.end(), sections[s].begin(), sections[s].end());
  }
}

}  // namespace herm
