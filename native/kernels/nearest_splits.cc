#include "kernels/nearest_splits.h"

#include <cmath>
#include <stdexcept>

#include "kernels/exact_interval.h"
#include "kernels/float_grid.h"
#include "kernels/lane_grids.h"
#include "kernels/tensor_grid.h"
#include "kernels/threads.h"
#include "kernels/words.h"

namespace herm {

namespace {

constexpr std::size_t kGrain = 64;  // elements that a thread takes at once

template <DType D>
void split_nearest_all(const Job& job, const NearestSplits& s) {
  using Word = typename FloatGrid<D>::Word;
  const int coarse = s.shift + guard_bits(D, s.shift);
  const auto grid = [&](int floor) { return floor == 0 ? Grid{s.shift, 1} : Grid{coarse, floor}; };
  parallel_for(job, s.length, kGrain, [&](std::size_t begin, std::size_t end) {
    const StrictFloat strict;
    for (std::size_t n = 0; n < s.followed_second.size(); ++n) {
      double a[2];
      widen(DType::F16, s.coefficients.data() + 2 * n, 2, a);
      const bool absorbing = a[0] == 1 && a[1] == 0;
      for (std::size_t k = 0; k < 2; ++k) a[k] *= s.gains[2 * n + k];
      const ChildInterval<D> interval(a[0]);
      std::uint8_t* first = s.words + s.positions[2 * n] * s.length * sizeof(Word);
      std::uint8_t* second = s.words + s.positions[2 * n + 1] * s.length * sizeof(Word);
      for (std::size_t e = begin; e < end; ++e) {
        const auto parent = load_word<Word>(first, e), coded = load_word<Word>(second, e);
        const Word followed = absorbing ? parent
                                        : interval.nearest(parent, scaled<D>(a[1], coded), grid(s.floors[2 * n + 1]),
                                                           grid(s.floors[2 * n]));
        store_word(first, e, s.followed_second[n] ? coded : followed);
        store_word(second, e, s.followed_second[n] ? followed : coded);
      }
    }
  });
}

}  // namespace

void split_nearest(const Job& job, const NearestSplits& splits) {
  const std::size_t count = splits.followed_second.size();
  bool fits = splits.positions.size() == 2 * count && splits.coefficients.size() == 2 * count &&
              splits.gains.size() == 2 * count && splits.floors.size() == 2 * count && splits.shift >= 0 &&
              splits.shift <= mantissa_bits(splits.dtype);
  for (const std::uint32_t position : splits.positions) fits = fits && position < splits.lanes;
  for (const std::uint16_t floor : splits.floors) fits = fits && floor <= highest_floor(splits.dtype);
  for (std::size_t n = 0; fits && n < count; ++n) {
    double a[2];
    widen(DType::F16, splits.coefficients.data() + 2 * n, 2, a);
    const float* const gains = splits.gains.data() + 2 * n;
    fits = std::isfinite(a[0] * gains[0]) && std::isfinite(a[1] * gains[1]) && a[0] * gains[0] != 0;
  }
  if (!fits) throw std::invalid_argument("splits need lanes, coefficients and floors of their own");
  with_dtype(splits.dtype, [&]<DType D>() { split_nearest_all<D>(job, splits); });
}

}  // namespace herm
