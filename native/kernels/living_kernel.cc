#include "kernels/living_kernel.h"

#include <numeric>

#include "kernels/gram.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 8;  // that a thread takes at a time

}  // namespace

LivingKernel::LivingKernel(const Job& job, const NeuronPairs& neurons)
    : job_(job),
      neurons_(neurons),
      samples_(neurons.samples()),
      rows_(neurons.size()),
      place_(samples_ ? 0 : rows_),
      values_(checked_mul(rows_, rows_)) {
  std::iota(place_.begin(), place_.end(), 0);
  if (samples_) gram(job_, samples_->values(), MatrixView<float>(values_.data(), rows_, rows_));
  parallel_for(job_, rows_, kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t a = begin; a < end; ++a) {
      job_.check();
      for (std::size_t b = a; b < rows_; ++b) {
        const double sum = samples_ ? static_cast<double>(row(a)[place(b)]) : 0;
        const double gaussian = !samples_ || samples_->has_gaussian() ? neurons_.gaussian_kernel(a, b) : 0;
        const double value =
            samples_ ? samples_->blend(sum / static_cast<double>(samples_->samples()), gaussian) : gaussian;
        row(a)[place(b)] = row(b)[place(a)] = static_cast<float>(value);
      }
    }
  });
}

double LivingKernel::value(std::size_t a, std::size_t b) const {
  const double gaussian = !samples_ || samples_->has_gaussian() ? neurons_.gaussian_kernel(a, b) : 0;
  return samples_ ? samples_->blend(samples_->cross(a, b), gaussian) : gaussian;
}

void LivingKernel::add(std::size_t p, std::size_t child, const std::vector<std::uint32_t>& living) {
  if (!samples_) place_.resize(p + 1, place_[child]);
  parallel_for(job_, living.size(), kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      const std::uint32_t q = living[k];
      row(p)[place(q)] = row(q)[place(p)] = static_cast<float>(value(p, q));
    }
  });
}

}  // namespace herm
