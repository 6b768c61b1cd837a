#include "kernels/lane_gains.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "kernels/exact_interval.h"
#include "kernels/float_grid.h"
#include "kernels/threads.h"
#include "kernels/words.h"

namespace herm {

namespace {

// Only lanes so much alike are looked at number by number.
constexpr double kAlike = 0.999;
// Shorter ones are multiples by chance.
constexpr std::size_t kLeastElements = 16;
// What another gain and bias may take, in bits.
constexpr std::uint64_t kChangeBits = 64;
constexpr std::size_t kNoLane = static_cast<std::size_t>(-1);

float rounded_gain(DType dtype, double gain) {
  return std::bit_cast<float>(FloatGrid<DType::F32>::round(gain, gain_grid(dtype)));
}

template <DType D>
class Multiples {
 public:
  Multiples(const Lanes& lanes, const GridRule& grids)
      : lanes_(lanes), grids_(grids), x_(lanes.length), y_(lanes.length) {}

  // Of a merge whose children have lanes i and j of the tensor itself.
  void keep(LaneMerge& merge, std::size_t i, std::size_t j) {
    load(i, x_);
    load(j, y_);
    double xx = 0, yy = 0, xy = 0;
    for (std::size_t e = 0; e < x_.size(); ++e) {
      xx += x_[e] * x_[e];
      yy += y_[e] * y_[e];
      xy += x_[e] * y_[e];
    }
    if (!(xy * xy > kAlike * xx * yy) || !std::isfinite(xx * yy)) return;
    Choice first = choice(x_, y_, xy / xx, merge.a_i, merge.a_j);
    Choice second = choice(y_, x_, xy / yy, merge.a_j, merge.a_i);
    if (merge.kept == kKeepsI) second.bits += kChangeBits;
    if (merge.kept == kKeepsJ) first.bits += kChangeBits;
    const bool i_fits = first.fits || merge.kept == kKeepsI, j_fits = second.fits || merge.kept == kKeepsJ;
    if (!i_fits && !j_fits) return;
    const bool keeps_i = i_fits && (!j_fits || first.bits <= second.bits);
    const std::uint8_t kept = keeps_i ? kKeepsI : kKeepsJ;
    if (kept != merge.kept) merge.gain = keeps_i ? first.gain : second.gain;
    merge.kept = kept;
  }

 private:
  // The parent as a multiple of `base`.
  struct Choice {
    float gain;
    std::uint64_t bits;  // about what is left of the other lane
    bool fits;           // whether it is as close as the parent's own grid would be
  };
  Choice choice(const std::vector<double>& base, const std::vector<double>& other, double ratio, double a_base,
                double a_other) const {
    Choice choice{rounded_gain(D, a_base + a_other * ratio), 0, false};
    const auto factor = static_cast<float>(ratio);
    double away = 0, steps = 0;
    for (std::size_t e = 0; e < base.size(); ++e) {
      const double rest = a_other * (other[e] - ratio * base[e]);
      const double step = parent_step(a_base * base[e] + a_other * other[e], e);
      away += rest * rest;
      steps += step * step;
      choice.bits += difference_bits(scaled<D>(factor, word(base[e])), other[e], grids_.of(0, e));
    }
    const double size = std::fabs(choice.gain);
    choice.fits = size >= 0x1p-126 && size <= 0x1p127 && away <= steps / 12 && std::isfinite(factor);
    return choice;
  }
  // Between the numbers of the parent's grid about there, if it has no floor.
  double parent_step(double value, std::size_t e) const {
    const Grid grid = grids_.of(1, e);
    int exponent = grid.floor - Format::kBias;
    if (value != 0) exponent = std::max(exponent, std::ilogb(value));
    return std::ldexp(1.0, exponent - (Format::kMantissa - grid.bits));
  }
  static std::uint64_t difference_bits(double predicted, double value, Grid grid) {
    const auto from = static_cast<std::uint64_t>(Format::ordinal(Format::round(predicted, grid), grid));
    const auto to = static_cast<std::uint64_t>(Format::ordinal(word(value), grid));
    const auto away = static_cast<std::int64_t>(to - from);
    return static_cast<std::uint64_t>(std::bit_width(static_cast<std::uint64_t>(away < 0 ? ~away : away))) +
           (away != 0);
  }

  using Format = FloatGrid<D>;
  using Word = typename Format::Word;

  static Word word(double value) { return Format::round(value, Grid{}); }
  void load(std::size_t lane, std::vector<double>& numbers) const {
    for (std::size_t e = 0; e < numbers.size(); ++e)
      numbers[e] = Format::to_double(load_word<Word>(lanes_.words, lane * lanes_.length + e));
  }

  const Lanes& lanes_;
  const GridRule& grids_;
  std::vector<double> x_, y_;
};

template <DType D>
void keep_all(const Job& job, const Lanes& lanes, const GridRule& grids, std::vector<LaneMerge>& merges) {
  const StrictFloat strict;
  Multiples<D> multiples(lanes, grids);
  std::vector<std::size_t> lane_of(lanes.lanes);
  std::iota(lane_of.begin(), lane_of.end(), std::size_t{0});
  std::vector<double> gains(lanes.lanes, 1);
  const bool long_enough = lanes.length >= kLeastElements;
  for (LaneMerge& merge : merges) {
    job.check();
    merge.a_i *= gains[merge.i];
    merge.a_j *= gains[merge.j];
    if (merge.keeps()) merge.gain = static_cast<float>(gains[merge.keeper()]);
    std::size_t& lane = lane_of[merge.i];
    if (long_enough && lane != kNoLane && lane_of[merge.j] != kNoLane) multiples.keep(merge, lane, lane_of[merge.j]);
    lane = merge.keeps() ? lane_of[merge.keeper()] : kNoLane;
    gains[merge.i] = merge.gain;
  }
}

template <DType D>
void apply_all(const Job& job, const LaneGains& args) {
  using Word = typename FloatGrid<D>::Word;
  const Grid grid{args.shift, 1};
  parallel_for(job, args.lanes, 16, [&](std::size_t begin, std::size_t end) {
    const StrictFloat strict;
    for (std::size_t lane = begin; lane < end; ++lane) {
      job.check();
      const double of_lane = args.gains.empty() ? 1 : args.gains[lane];
      if (of_lane == 1 && args.element_gains.empty()) continue;
      for (std::size_t e = 0; e < args.length; ++e) {
        const double gain = args.element_gains.empty() ? of_lane : of_lane * args.element_gains[e];
        const std::size_t at = lane * args.length + e;
        if (gain != 1)
          store_word(args.words, at, FloatGrid<D>::round(scaled<D>(gain, load_word<Word>(args.words, at)), grid));
      }
    }
  });
}

}  // namespace

void keep_multiples(const Job& job, const Lanes& lanes, const GridRule& grids, std::vector<LaneMerge>& merges) {
  with_dtype(lanes.dtype, [&]<DType D>() { keep_all<D>(job, lanes, grids, merges); });
}

void apply_gains(const Job& job, const LaneGains& args) {
  bool fits = (args.gains.empty() || args.gains.size() == args.lanes) &&
              (args.element_gains.empty() || args.element_gains.size() == args.length) && args.shift >= 0 &&
              args.shift <= mantissa_bits(args.dtype);
  for (const float gain : args.gains) fits = fits && std::isfinite(gain);
  for (const float gain : args.element_gains) fits = fits && std::isfinite(gain);
  if (!fits) throw std::invalid_argument("every lane needs its gain, and every element");
  with_dtype(args.dtype, [&]<DType D>() { apply_all<D>(job, args); });
}

}  // namespace herm
