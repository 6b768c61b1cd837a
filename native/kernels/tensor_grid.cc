#include "kernels/tensor_grid.h"

#include <algorithm>
#include <bit>

#include "kernels/error.h"
#include "kernels/float_grid.h"
#include "kernels/lane_grids.h"
#include "kernels/matrix_view.h"
#include "kernels/words.h"

namespace herm {

namespace {

template <DType D>
int tensor_shift_of(const Job& job, const std::uint8_t* words, std::size_t count) {
  using Word = typename FloatGrid<D>::Word;
  Word used = 0;
  for (std::size_t begin = 0; begin < count; begin += 1 << 20) {
    job.check();
    const std::size_t end = std::min<std::size_t>(count, begin + (1 << 20));
    bool finite = true;
    for (std::size_t i = begin; i < end; ++i) {
      const auto word = load_word<Word>(words, i);
      used |= word;
      finite &= FloatGrid<D>::finite(word);
    }
    if (!finite) throw KernelError("NON_FINITE", "a weight is infinite or not a number");
  }
  used &= static_cast<Word>(~FloatGrid<D>::kSign);
  return used == 0 ? 0 : std::min(std::countr_zero(used), FloatGrid<D>::kMantissa);
}

}  // namespace

int mantissa_bits(DType dtype) {
  return with_dtype(dtype, []<DType D>() { return FloatGrid<D>::kMantissa; });
}

int highest_floor(DType dtype) {
  return with_dtype(dtype, []<DType D>() { return FloatGrid<D>::kMaxFloor; });
}

int guard_bits(DType dtype, int shift) {
  const int mantissa = mantissa_bits(dtype) - shift;
  const int bits = mantissa >= 13 ? 3 : mantissa >= 9 ? 2 : 1;
  return std::max(0, std::min(bits, mantissa - 1));
}

int tensor_shift(const Job& job, DType dtype, const std::uint8_t* words, std::size_t count) {
  return with_dtype(dtype, [&]<DType D>() { return tensor_shift_of<D>(job, words, count); });
}

}  // namespace herm
