#include "kernels/lane_code.h"
#include "kernels/lane_grids.h"
#include "kernels/strip.h"

namespace herm {

namespace {

template <DType D>
std::vector<std::int8_t> shifts_of(const Job& job, const std::uint8_t* words, std::size_t lanes, std::size_t length) {
  using Code = NumberCode<D>;
  using Word = typename Code::Word;
  const Grid fine{};
  std::vector<std::int64_t> sums(length), counts(length);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    if (lane % 64 == 0) job.check();
    for (std::size_t e = 0; e < length; ++e) {
      const auto word = load_word<Word>(words, lane * length + e);
      if (Code::is_zero(word)) continue;
      sums[e] += Code::level(word, fine);
      ++counts[e];
    }
  }
  std::int64_t sum = 0, count = 0;
  for (std::size_t e = 0; e < length; ++e) {
    sum += sums[e];
    count += counts[e];
  }
  const int mean = rounded_mean(16 * sum, count);
  std::vector<std::int8_t> shifts(length);
  for (std::size_t e = 0; e < length; ++e) {
    if (counts[e] == 0) continue;
    const int away = rounded_mean(16 * sums[e], counts[e]) - mean;
    shifts[e] = static_cast<std::int8_t>(std::clamp((away + 8) >> 4, -kShiftReach, kShiftReach));
  }
  return shifts;
}

}  // namespace

std::vector<std::int8_t> element_shifts(const Job& job, DType dtype, const std::uint8_t* words, std::size_t lanes,
                                        std::size_t length) {
  return with_dtype(dtype, [&]<DType D>() { return shifts_of<D>(job, words, lanes, length); });
}

}  // namespace herm
