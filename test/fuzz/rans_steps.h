// The steps of the target rans in both directions.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/adaptive_model.h"
#include "kernels/rans.h"
#include "kernels/uniform_code.h"

namespace herm::fuzz {

struct RansStep {
  unsigned state, kind;
  std::uint64_t choices;  // how many values there are

  explicit RansStep(std::uint8_t step) : state(step & 3u), kind(step >> 2 & 3u) {
    const int size = step >> 4;
    constexpr std::uint64_t kSizes[] = {1, 2, 3, 4, 5, 7, 16, 100, 129, 255, 256, 1000, 1023, 1500, 2047, 2048};
    constexpr std::uint64_t kPlain = std::uint64_t{1} << 56;
    const std::uint64_t all[] = {kSizes[size], size == 15 ? kPlain : std::uint64_t{1} << (3 * size),
                                 (std::uint64_t{1} << (4 * size)) - static_cast<unsigned>(size / 2), kSymbols};
    choices = all[kind];
  }
  int bits() const { return std::bit_width(choices) - 1; }

  enum Kind : unsigned { kUniform, kBits, kAnyUniform, kModel };
  static constexpr std::size_t kSymbols = 20;
};

using RansModel = AdaptiveModel<RansStep::kSymbols>;
inline RansModel rans_model() {
  std::array<std::uint16_t, RansStep::kSymbols> prior;
  prior.fill(8);
  prior[3] = 500;
  return RansModel(prior);
}

inline std::vector<std::uint64_t> take_steps(RansDecoder& coder, std::span<const std::uint8_t> steps) {
  RansModel model = rans_model();
  std::vector<std::uint64_t> values;
  for (const std::uint8_t byte : steps) {
    const RansStep step(byte);
    switch (step.kind) {
      case RansStep::kUniform:
        values.push_back(coder.uniform(step.state, static_cast<std::uint32_t>(step.choices)));
        break;
      case RansStep::kBits:
        values.push_back(coder.bits(step.bits()));
        break;
      case RansStep::kAnyUniform:
        values.push_back(get_uniform(coder, step.state, step.choices));
        break;
      default:
        values.push_back(model.get(coder, step.state));
        model.settle();
    }
  }
  coder.finish();
  return values;
}

inline std::vector<std::uint8_t> put_steps(std::span<const std::uint8_t> steps, std::span<const std::uint64_t> values) {
  RansModel model = rans_model();
  RansEncoder coder;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const RansStep step(steps[k]);
    switch (step.kind) {
      case RansStep::kUniform:
        coder.put(step.state,
                  uniform_share(static_cast<std::uint32_t>(values[k]), static_cast<std::uint32_t>(step.choices)));
        break;
      case RansStep::kBits:
        coder.bits(values[k], step.bits());
        break;
      case RansStep::kAnyUniform:
        put_uniform(coder, step.state, values[k], step.choices);
        break;
      default:
        model.put(coder, step.state, values[k]);
        model.settle();
    }
  }
  std::vector<std::uint8_t> stream;
  coder.finish(RansEncoder::kMostStates, stream);
  return stream;
}

}  // namespace herm::fuzz
