// Sweeps of pairs, as compiled for every kind of CPU that this machine can run.
#include "kernels/pair_sweep.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gated_block.h"
#include "kernels/gated_sweep.h"
#include "kernels/simd.h"

namespace herm {

#define HERM_DECLARE_SWEEPS(simd)                                                  \
  namespace simd {                                                                 \
  void sweep_pairs(const PairSweep&, std::size_t begin, std::size_t end, float*);  \
  void sweep_gated(const GatedSweep&, std::size_t begin, std::size_t end, float*); \
  }
HERM_DECLARE_SWEEPS(baseline)
#if defined(HERM_TARGETS)
HERM_DECLARE_SWEEPS(wide)
HERM_DECLARE_SWEEPS(widest)
#endif

}  // namespace herm

using namespace herm;

namespace {

struct Sweeps {
  void (*pairs)(const PairSweep&, std::size_t, std::size_t, float*);
  void (*gated)(const GatedSweep&, std::size_t, std::size_t, float*);
};

std::vector<Sweeps> available() {
  std::vector<Sweeps> all{{baseline::sweep_pairs, baseline::sweep_gated}};
#if defined(HERM_TARGETS)
  if (use_wide()) all.push_back({wide::sweep_pairs, wide::sweep_gated});
  if (use_widest()) all.push_back({widest::sweep_pairs, widest::sweep_gated});
#endif
  return all;
}

constexpr std::size_t kMany = 700;  // more than a block of columns
constexpr float kUntouched = -7;

// [m×m] correlations, with every special value somewhere; rows have kSweepPadding floats to spare.
class Correlations {
 public:
  explicit Correlations(unsigned seed) : values_(kMany * kStride, std::numeric_limits<float>::quiet_NaN()) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    constexpr float kSpecial[] = {0, -0.0F, 1, -1, 0.2F, -0.2F, 0.5F, 1 - 1e-7F, 1 + 1e-6F, -1 - 1e-6F, 1e-30F};
    for (std::size_t i = 0; i < kMany; ++i)
      for (std::size_t j = 0; j < kMany; ++j)
        values_[i * kStride + j] = random() % 8 == 0 ? kSpecial[random() % std::size(kSpecial)] : uniform(random);
  }
  Correlations mirrored() const {
    Correlations out(*this);
    for (std::size_t i = 0; i < kMany; ++i)
      for (std::size_t j = 0; j < kMany; ++j) out.values_[i * kStride + j] = values_[j * kStride + i];
    return out;
  }
  void make_symmetric() {
    for (std::size_t i = 0; i < kMany; ++i)
      for (std::size_t j = 0; j < i; ++j) values_[i * kStride + j] = values_[j * kStride + i];
  }
  const float* row(std::size_t i) const { return values_.data() + i * kStride; }

 private:
  static constexpr std::size_t kStride = kMany + kSweepPadding;
  std::vector<float> values_;
};

Profiles profiles_of(const Activation& phi) {
  const HermiteExpander expander(phi, kSearchDegree);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  Profiles profiles(kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    // Constants, neurons without output, wide ones.
    const double dev = i % 50 == 7 ? 0 : std::exp(2 * normal(random));
    profiles.push(expander.expand(dev, normal(random)), i % 60 == 9 ? 0 : std::exp(3 * normal(random)));
  }
  return profiles;
}

GatedProfiles gated_profiles_of(const Activation& phi) {
  const GatedExpander expander(phi, kSearchDegree);
  oracle::GatedTestBlock block(kMany, 3, 1, 5);
  for (std::size_t i = 0; i < kMany; i += 41) block.scale_row(block.gate, i, 0);
  for (std::size_t i = 0; i < kMany; i += 53) block.scale_row(block.value, i, 0);
  GatedProfiles profiles(kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    const GatedNeuron neuron = oracle::neuron(block, i);
    const double amplitude = i % 60 == 9 ? 0 : std::exp(3 * std::sin(static_cast<double>(i)));
    profiles.push(expander.expand(neuron), std::sqrt(neuron.value), amplitude);
  }
  return profiles;
}

// Sweeps row `fixed` for [begin, end): between 0 and 1, nothing written beyond what a sweep may write.
template <class Sweep>
std::vector<float> swept(const Sweep& sweep, std::size_t fixed, std::size_t begin, std::size_t end) {
  std::vector<float> r(end - begin + kSweepPadding + 1, kUntouched);
  sweep(fixed, begin, end, r.data());
  CHECK(r.back() == kUntouched);
  r.resize(end - begin);
  CHECK(std::all_of(r.begin(), r.end(), [](float x) { return x >= 0 && x <= 1; }));
  return r;
}

// The same bits for every pair, whichever neuron is fixed and wherever the stretch of columns begins.
template <class Sweep>
std::vector<float> check_directions(const Sweep& sweep) {
  std::vector<float> all(kMany * kMany);
  for (std::size_t i = 0; i + 1 < kMany; ++i) {
    const auto r = swept(sweep, i, i + 1, kMany);
    std::copy(r.begin(), r.end(), all.begin() + static_cast<std::ptrdiff_t>(i * kMany + i + 1));
  }
  std::size_t different = 0;
  for (std::size_t j = 1; j < kMany; ++j) {
    for (const std::size_t begin : {std::size_t{0}, j / 3}) {
      const auto r = swept(sweep, j, begin, j);
      for (std::size_t i = begin; i < j; ++i) different += r[i - begin] != all[i * kMany + j];
    }
  }
  CHECK(different == 0);
  return all;
}

// What one kind of CPU finds, another finds up to rounding, in units of the pair's energy; few pairs are near one of
// the sweep's thresholds.
void check_agree(const std::vector<float>& a, const std::vector<float>& b, const float* amplitudes) {
  std::size_t apart = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    for (std::size_t j = i + 1; j < kMany; ++j) {
      const auto [weaker, stronger] = std::minmax(amplitudes[i], amplitudes[j]);
      const float ratio = weaker > 0 ? std::min(stronger / weaker, 1e4F) : 1e4F;
      apart += std::fabs(a[i * kMany + j] - b[i * kMany + j]) > 5e-6F * (1 + ratio * ratio);
    }
  }
  CHECK(apart <= kMany * kMany / 2 / 1000);
}

}  // namespace

TEST_CASE("swept costs are the same to the bit whichever neuron is fixed, on every kind of CPU") {
  Correlations input(1), output(2);
  input.make_symmetric();
  output.make_symmetric();
  for (const Activation& phi :
       {Activation{ActivationKind::Relu}, Activation{ActivationKind::Gelu}, Activation{ActivationKind::Tanh}}) {
    const Profiles profiles = profiles_of(phi);
    std::vector<std::vector<float>> found;
    for (const Sweeps& sweeps : available()) {
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(found.size());
      found.push_back(check_directions([&](std::size_t fixed, std::size_t begin, std::size_t end, float* r) {
        const PairSweep sweep{
            &profiles, phi.odd(), fixed, fixed < begin, input.row(fixed) + begin, output.row(fixed) + begin};
        sweeps.pairs(sweep, begin, end, r);
      }));
      check_agree(found.front(), found.back(), profiles.row(Profiles::Field::kAmplitude));
    }
  }
}

TEST_CASE("swept costs of gated pairs are the same to the bit whichever neuron is fixed, on every kind of CPU") {
  Correlations gate(1), value(2), output(3);
  const Correlations gate_value(4), value_gate = gate_value.mirrored();
  for (Correlations* symmetric : {&gate, &value, &output}) symmetric->make_symmetric();
  for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::Silu}}) {
    const GatedProfiles profiles = gated_profiles_of(phi);
    std::vector<std::vector<float>> found;
    for (const Sweeps& sweeps : available()) {
      CAPTURE(static_cast<int>(phi.kind));
      CAPTURE(found.size());
      found.push_back(check_directions([&](std::size_t fixed, std::size_t begin, std::size_t end, float* r) {
        const auto row = [&](const Correlations& kind) { return kind.row(fixed) + begin; };
        const GatedSweep sweep{&profiles,  fixed,           fixed < begin,   row(gate),
                               row(value), row(gate_value), row(value_gate), row(output)};
        sweeps.gated(sweep, begin, end, r);
      }));
      check_agree(found.front(), found.back(), profiles.row(GatedProfiles::Field::kAmplitude));
    }
  }
}
