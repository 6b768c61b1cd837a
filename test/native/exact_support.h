// Random tensors and merge trees for the tests of exact coding, made to hit what real weights seldom do.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "kernels/exact_tree.h"
#include "kernels/float_grid.h"

namespace herm::test {

using Bytes = std::vector<std::uint8_t>;
using Random = std::mt19937_64;

enum class Data { gaussian, coarse, wild, zeros, duplicates };

// Any finite word of the format; every fourth a zero, a denormal or close to the largest number.
template <DType D>
typename FloatGrid<D>::Word wild_word(Random& random) {
  using Grid = FloatGrid<D>;
  using Word = typename Grid::Word;
  const auto sign = static_cast<Word>(random() & 1 ? Grid::kSign : 0);
  switch (random() % 16) {
    case 0:
      return sign;
    case 1:
      return static_cast<Word>(sign | (random() & ((Word{1} << Grid::kMantissa) - 1)));
    case 2:
      return static_cast<Word>(sign | Grid::kMaxFinite);
    case 3:
      return static_cast<Word>(sign | (Grid::kMaxFinite - random() % 100));
    default:
      for (;;) {
        const auto word = static_cast<Word>(random());
        if (Grid::finite(word)) return word;
      }
  }
}

template <DType D>
Bytes random_words(Random& random, Data data, std::size_t lanes, std::size_t length) {
  using Grid = FloatGrid<D>;
  using Word = typename Grid::Word;
  std::normal_distribution<double> normal;
  Bytes bytes(lanes * length * sizeof(Word));
  for (std::size_t k = 0; k < lanes * length; ++k) {
    Word word = 0;
    switch (data) {
      case Data::gaussian:
        word = Grid::round(0.05 * normal(random), 0);
        break;
      case Data::coarse:
        word = Grid::round(0.05 * normal(random), Grid::kMantissa - 4);
        break;
      case Data::wild:
        word = wild_word<D>(random);
        break;
      // Some lanes of −0 and +0 only.
      case Data::zeros:
        word = k / length % 2 ? static_cast<Word>(random() & 1 ? Grid::kSign : 0) : wild_word<D>(random);
        break;
      case Data::duplicates:
        word = k < length ? Grid::round(normal(random), 0) : load_word<Word>(bytes.data(), k - length);
        break;
    }
    store_word(bytes.data(), k, word);
  }
  return bytes;
}

struct Tree {
  std::vector<std::uint32_t> pairs;
  std::vector<std::uint16_t> coefficients;

  LaneTree view() const { return {pairs, coefficients}; }
  std::size_t merges() const { return pairs.size() / 2; }
};

// Two half-precision coefficients: ordinary, absorbing, with one zero, negative, tiny, huge, or any bits at all.
inline void random_coefficients(Random& random, std::vector<std::uint16_t>& out) {
  constexpr std::uint16_t one = 0x3c00;
  std::uniform_real_distribution<double> share(-1, 1);
  const auto ordinary = [&] {
    const double a = share(random);
    std::uint16_t half;
    narrow(DType::F16, &a, 1, &half);
    return half == 0 ? one : half;
  };
  const auto any = [&] {
    std::uint16_t half;
    do {
      half = static_cast<std::uint16_t>(random());
    } while (!FloatGrid<DType::F16>::finite(half) || (half & 0x7fff) == 0);
    return half;
  };
  switch (random() % 10) {
    case 0:
      out.insert(out.end(), {one, 0});
      break;
    case 1:
      out.insert(out.end(), {0, one});
      break;
    case 2:
      out.insert(out.end(), {0x8000, one});
      break;
    case 3:
      out.insert(out.end(), {ordinary(), 0});
      break;
    case 4:
      out.insert(out.end(), {0, any()});
      break;
    case 5:
      out.insert(out.end(), {any(), any()});
      break;
    case 6:
      out.insert(out.end(), {0x0001, 0x8001});
      break;
    default:
      out.insert(out.end(), {ordinary(), ordinary()});
  }
}

// Merges random pairs until `roots` neurons live.
inline Tree random_tree(Random& random, std::size_t neurons, std::size_t roots) {
  Tree tree;
  std::vector<std::uint32_t> living(neurons);
  for (std::size_t i = 0; i < neurons; ++i) living[i] = static_cast<std::uint32_t>(i);
  while (living.size() > roots) {
    const std::size_t a = random() % living.size();
    std::size_t b = random() % (living.size() - 1);
    if (b >= a) ++b;
    const std::size_t first = std::min(a, b), second = std::max(a, b);  // `living` ascends
    tree.pairs.insert(tree.pairs.end(), {living[first], living[second]});
    random_coefficients(random, tree.coefficients);
    living.erase(living.begin() + static_cast<std::ptrdiff_t>(second));
  }
  return tree;
}

// A tensor and what exact coding keeps beside it.
struct Coded {
  DType dtype = DType::F32;
  std::size_t lanes = 0, length = 0;
  int shift = 0;
  Bytes words, coarse, element_coarse, flags, indexes;

  Lanes view() { return {dtype, shift, lanes, length, words.data(), coarse, element_coarse}; }
};

inline Coded leaves(DType dtype, Bytes words, std::size_t lanes, std::size_t length) {
  Coded coded{dtype, lanes, length, 0, std::move(words), Bytes(lanes), {}, {}, {}};
  coded.shift = tensor_shift(Job(), dtype, coded.words.data(), lanes * length);
  return coded;
}

inline void forward(Coded& coded, const Tree& tree, int threads = 1) {
  coded.flags.assign(tree.merges(), 0xff);
  coded.indexes.assign(tree.merges() * coded.length * dtype_bytes(coded.dtype), 0xff);
  forward_lanes(Job(threads), coded.view(), tree.view(), coded.flags, coded.indexes.data());
}

inline void inverse(Coded& coded, const Tree& tree, std::size_t from, std::size_t to, int threads = 1,
                    std::span<const std::uint8_t> present = {}) {
  inverse_lanes(Job(threads), coded.view(), tree.view(), from, to, coded.flags, coded.indexes.data(), present);
}

// fn.template operator()<D>() for every format.
template <class Fn>
void for_every_format(Fn&& fn) {
  fn.template operator()<DType::F64>();
  fn.template operator()<DType::F32>();
  fn.template operator()<DType::F16>();
  fn.template operator()<DType::BF16>();
}

}  // namespace herm::test
