// One side of a hierarchy (hierarchy_code.h), and the biases that go with it, instruction by instruction. Io is one of
// the two directions: every call hands it what the arrays hold and gets what is there in truth, which the encoder just
// returns.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/bias_grid.h"
#include "kernels/float_grid.h"
#include "kernels/half.h"
#include "kernels/hierarchy_code.h"
#include "kernels/hierarchy_models.h"
#include "kernels/lane_grids.h"
#include "kernels/number_code.h"
#include "kernels/tensor_grid.h"
#include "kernels/words.h"

namespace herm {

inline constexpr int kLevelOfOne = 4 * 127;  // of gains (number_code.h)

inline int exponent_bias(DType dtype) {
  return with_dtype(dtype, []<DType D>() { return FloatGrid<D>::kBias; });
}

// Instruction n: `first` is its child i, the next node its child j.
struct HierarchySplit {
  std::size_t n, parent, first;
};

class SideCoder {
 public:
  SideCoder(const HierarchySide& side, std::span<const std::uint8_t> leaf)
      : side_(side), leaf_(leaf), last_floor_(exponent_bias(side.dtype)) {}

  void settle() { models_.settle(); }

  template <class Io>
  void root(Io& io, std::size_t root) {
    code_floor(io, root, 0);
    code_gain(io, root);
  }
  // `before` is what this returned for the input side. Returns how the coefficients were told.
  template <class Io>
  std::size_t split(Io& io, const HierarchySplit& split, std::size_t before) {
    const std::size_t model = side_.floors[split.parent] == 0 ? kCoefficientKinds : before;
    const std::size_t kind = code_coefficients(io, split.n, model);
    if (kept(split.n) == 2 && side_.gains[split.parent] != 1) io.fail("a mixture has a gain");
    code_followed(io, split.n);
    for (std::size_t child = 0; child < 2; ++child) {
      if (child != kept(split.n)) {
        code_floor(io, split.first + child, side_.floors[split.parent]);
        code_gain(io, split.first + child);
        continue;
      }
      const std::uint16_t floor = side_.floors[split.parent];
      if (leaf_[split.first + child] != 0 && floor != 0) io.fail("an original neuron has a floor");
      if (Io::kEncodes && side_.floors[split.first + child] != floor) io.fail("an absorbing neuron changes its floor");
      side_.floors[split.first + child] = floor;
      code_gain(io, split.first + child);
    }
    return kind;
  }

  std::uint16_t floor(std::size_t node) const { return side_.floors[node]; }
  // Which child its parent is; 2: neither.
  std::size_t kept(std::size_t n) const {
    const std::uint16_t a = side_.coefficients[2 * n], b = side_.coefficients[2 * n + 1];
    if (a == kHalfOne && (b & kHalfMagnitude) == 0) return 0;
    return b == kHalfOne && (a & kHalfMagnitude) == 0 ? 1 : 2;
  }

 private:
  template <class Io>
  std::size_t code_coefficients(Io& io, std::size_t n, std::size_t before) {
    std::uint16_t& a = side_.coefficients[2 * n];
    std::uint16_t& b = side_.coefficients[2 * n + 1];
    std::size_t kind = kGeneral;
    if (a == kHalfOne && b == 0) kind = kAbsorbsI;
    if (a == 0 && b == kHalfOne) kind = kAbsorbsJ;
    kind = io.symbol(models_.kind[before], kind);
    if (kind != kGeneral) {
      a = kind == kAbsorbsI ? kHalfOne : 0;
      b = kind == kAbsorbsI ? 0 : kHalfOne;
      return kind;
    }
    a = code_half(io, models_.coefficient[0], a);
    b = code_half(io, models_.coefficient[1], b);
    if (((a | b) & kHalfMagnitude) == 0) io.fail("an instruction has impossible coefficients");
    return kind;
  }
  template <class Io>
  static std::uint16_t code_half(Io& io, AdaptiveModel<kCoefficientSymbols>& model, std::uint16_t half) {
    const std::size_t high = io.symbol(model, half >> 8);
    const auto bits = static_cast<std::uint16_t>(high << 8 | io.bits(half & 0xff, 8));
    if ((bits & kHalfMagnitude) >= kHalfInfinity) io.fail("an instruction has impossible coefficients");
    return bits;
  }

  template <class Io>
  void code_followed(Io& io, std::size_t n) {
    const int i = side_.coefficients[2 * n] & kHalfMagnitude, j = side_.coefficients[2 * n + 1] & kHalfMagnitude;
    std::size_t followed = i == 0 ? 1 : 0;
    if (i != 0 && j != 0) followed = io.symbol(models_.followed[i > j ? 0 : j > i ? 1 : 2], side_.followed[n]);
    if (side_.followed[n] != followed && Io::kEncodes) io.fail("the followed child has no part in its parent");
    side_.followed[n] = static_cast<std::uint8_t>(followed);
  }

  template <class Io>
  void code_floor(Io& io, std::size_t node, int of_parent) {
    std::uint16_t& floor = side_.floors[node];
    if (leaf_[node] != 0) {
      if (Io::kEncodes && floor != 0) io.fail("an original neuron has a floor");
      floor = 0;
      return;
    }
    const int expected = of_parent != 0 ? of_parent : last_floor_, away = floor - expected;
    std::size_t symbol = floor == 0 ? kZeroFloor : kFarFloor;
    if (floor != 0 && away >= -kFloorReach && away <= kFloorReach) {
      const int place = away + kFloorReach;
      symbol = static_cast<std::size_t>(place);
    }
    symbol = io.symbol(models_.floor, symbol);
    int coded = symbol == kZeroFloor ? 0 : expected + static_cast<int>(symbol) - kFloorReach;
    if (symbol == kFarFloor) coded = static_cast<int>(io.bits(floor, kFloorBits));
    if (coded < 0 || coded > highest_floor(side_.dtype)) io.fail("a floor is out of range");
    floor = static_cast<std::uint16_t>(coded);
    if (coded != 0) last_floor_ = coded;
  }

  // Of mixtures, which have floors, and of leaves it is 1.
  template <class Io>
  void code_gain(Io& io, std::size_t node) {
    using Format = FloatGrid<DType::F32>;
    float& gain = side_.gains[node];
    std::size_t told = gain != 1;
    if (leaf_[node] == 0 && side_.floors[node] == 0) {
      told = io.symbol(models_.multiple, told);
    } else if (Io::kEncodes && told != 0) {
      io.fail("a mixture has a gain");
    } else {
      told = 0;
    }
    if (told == 0) {
      gain = 1;
      return;
    }
    const auto word = std::bit_cast<Format::Word>(gain);
    if (Io::kEncodes && (word & ((Format::Word{1} << gain_grid(side_.dtype).bits) - 1)) != 0) {
      io.fail("a gain has too many bits");
    }
    gain =
        std::bit_cast<float>(io.template number<DType::F32>(models_.gain, word, gain_grid(side_.dtype), kLevelOfOne));
    if (gain == 0) io.fail("a neuron is no multiple of its lane");
  }

  HierarchySide side_;
  std::span<const std::uint8_t> leaf_;
  SideModels models_;
  int last_floor_;  // the last one coded that is not 0
};

class BiasCoder {
 public:
  // `side` merges the weights that these biases go with.
  BiasCoder(const HierarchyBiases& biases, const SideCoder& side, std::span<const std::uint8_t> leaf)
      : biases_(biases), side_(side), leaf_(leaf) {}

  void settle() { models_.settle(); }

  template <class Io>
  void root(Io& io, std::size_t root) {
    with_dtype(biases_.dtype, [&]<DType D>() { code<D>(io, root, 0); });
  }
  template <class Io>
  void split(Io& io, const HierarchySplit& split) {
    with_dtype(biases_.dtype, [&]<DType D>() {
      using Word = typename FloatGrid<D>::Word;
      const Word parent = word<D>(split.parent);
      const std::size_t kept = side_.kept(split.n);
      for (std::size_t child = 0; child < 2; ++child) {
        const std::size_t node = split.first + child;
        if (child == kept && io.symbol(models_.kept, word<D>(node) == parent) != 0) {
          store_word(biases_.words.data(), node, parent);
        } else {
          code<D>(io, node, parent);
        }
      }
    });
  }

 private:
  template <DType D>
  auto word(std::size_t node) const {
    return load_word<typename FloatGrid<D>::Word>(biases_.words.data(), node);
  }

  template <DType D, class Io>
  void code(Io& io, std::size_t node, typename FloatGrid<D>::Word parent) {
    using Code = NumberCode<D>;
    const auto now = word<D>(node);
    const bool leaf = leaf_[node] != 0;
    Grid grid = parent_bias_grid(D);
    if (grid.bits != 0) {
      const bool fine = (now & ((std::uint64_t{1} << grid.bits) - 1)) != 0;
      if (io.symbol(leaf ? models_.fine_leaf : models_.fine[side_.floor(node) == 0], fine) != 0) grid = {};
    }
    const int expected = std::max((mean_ + 8) >> 4, Code::level(parent, Grid{}));
    const auto coded = io.template number<D>(models_.level[leaf], now, grid, expected);
    if (!Code::is_zero(coded)) learn(Code::level(coded, Grid{}));
    store_word(biases_.words.data(), node, coded);
  }

  void learn(int level) { mean_ = mean_ < 0 ? 16 * level : mean_ + (16 * level - mean_) / 16; }

  HierarchyBiases biases_;
  const SideCoder& side_;
  std::span<const std::uint8_t> leaf_;
  BiasModels models_;
  int mean_ = -1;  // level of the numbers so far, the last ones above all, in sixteenths; −1: there was none
};

}  // namespace herm
