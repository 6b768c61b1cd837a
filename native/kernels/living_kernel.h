// The kernel matrix of living neurons, kept up while they merge.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/job.h"
#include "kernels/large_array.h"
#include "kernels/neuron_pairs.h"

namespace herm {

// Φ of all living neurons in single precision, of the Gaussian prior or blended with samples. Neurons are known by
// position; a parent takes the place of one of its children.
class LivingKernel {
 public:
  LivingKernel(const Job& job, const NeuronPairs& neurons);

  double operator()(std::size_t a, std::size_t b) const { return static_cast<double>(row(a)[place(b)]); }
  // The parent at position p, made just now, with itself and all of these; `child` is one of its children.
  void add(std::size_t p, std::size_t child, const std::vector<std::uint32_t>& living);

 private:
  std::size_t place(std::size_t p) const { return samples_ ? samples_->place(p) : place_[p]; }
  float* row(std::size_t p) { return values_.data() + place(p) * rows_; }
  const float* row(std::size_t p) const { return values_.data() + place(p) * rows_; }
  double value(std::size_t a, std::size_t b) const;

  Job job_;
  const NeuronPairs& neurons_;
  const SampledKernel* samples_;
  std::size_t rows_;
  std::vector<std::uint32_t> place_;  // without samples, which have places of their own
  LargeArray values_;                 // [rows×rows] by place
};

}  // namespace herm
