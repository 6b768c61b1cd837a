// Random tensors and merge trees for the tests of exact coding, made to hit what real weights seldom do.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "kernels/exact_tree.h"
#include "kernels/float_grid.h"
#include "kernels/lane_code.h"
#include "kernels/tensor_grid.h"
#include "kernels/words.h"

namespace herm::test {

using Bytes = std::vector<std::uint8_t>;
using Random = std::mt19937_64;

enum class Data { gaussian, coarse, wild, zeros, duplicates, smooth };

// Any finite word of the format; every fourth a zero, a denormal or close to the largest number.
template <DType D>
typename FloatGrid<D>::Word wild_word(Random& random) {
  using Format = FloatGrid<D>;
  using Word = typename Format::Word;
  const auto sign = static_cast<Word>(random() & 1 ? Format::kSign : 0);
  switch (random() % 16) {
    case 0:
      return sign;
    case 1:
      return static_cast<Word>(sign | (random() & ((Word{1} << Format::kMantissa) - 1)));
    case 2:
      return static_cast<Word>(sign | Format::kMaxFinite);
    case 3:
      return static_cast<Word>(sign | (Format::kMaxFinite - random() % 100));
    default:
      for (;;) {
        const auto word = static_cast<Word>(random());
        if (Format::finite(word)) return word;
      }
  }
}

template <DType D>
Bytes random_words(Random& random, Data data, std::size_t lanes, std::size_t length) {
  using Format = FloatGrid<D>;
  using Word = typename Format::Word;
  std::normal_distribution<double> normal;
  Bytes bytes(lanes * length * sizeof(Word));
  for (std::size_t k = 0; k < lanes * length; ++k) {
    Word word = 0;
    switch (data) {
      case Data::gaussian:
        word = Format::round(0.05 * normal(random), Grid{});
        break;
      case Data::coarse:
        word = Format::round(0.05 * normal(random), Grid{Format::kMantissa - 4, 1});
        break;
      case Data::wild:
        word = wild_word<D>(random);
        break;
      // Some lanes of −0 and +0 only.
      case Data::zeros:
        word = k / length % 2 ? static_cast<Word>(random() & 1 ? Format::kSign : 0) : wild_word<D>(random);
        break;
      // Each a multiple of the lane before.
      case Data::duplicates:
        word = k < length ? Format::round(normal(random), Grid{})
                          : Format::round(1.3 * Format::to_double(load_word<Word>(bytes.data(), k - length)), Grid{});
        break;
      // Each much like the one before it and the one 8 before it; every third lane as large as the format allows.
      case Data::smooth: {
        const std::size_t lane = k / length, e = k % length;
        const double unit = lane % 3 == 2 ? std::ldexp(1.0, Format::kBias - 4) : 1;
        const auto back = [&](std::size_t d) {
          return e >= d ? Format::to_double(load_word<Word>(bytes.data(), k - d)) / unit : 0.0;
        };
        const double x = 0.5 * back(1) + 0.4 * back(8) + 0.3 * normal(random);
        word = Format::round(unit * std::clamp(x, -8.0, 8.0), Grid{});
        break;
      }
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

// A tensor with all nodes of a tree over its rows, as the coder of lanes wants them.
struct Nodes {
  DType dtype = DType::F32;
  int shift = 0;
  std::size_t roots = 0, length = 0;
  Bytes words;  // [(K + 2T)×length]
  std::vector<std::int8_t> element_shifts;
  std::vector<std::uint16_t> element_floors, coefficients, floors;
  std::vector<std::uint32_t> parents, rows;
  std::vector<std::uint8_t> followed;
  std::vector<float> gains;

  NodeLanes view() {
    return {dtype, shift, roots,       parents, coefficients,   followed, floors,
            gains, rows,  rows.size(), length,  element_floors, false,    words.data()};
  }
};

// The instructions of a tree: nodes are roots by slot, then children i and j of every merge, coarse to fine.
inline void number_nodes(Nodes& nodes, const Tree& tree, std::size_t lanes) {
  const std::size_t merges = tree.merges();
  nodes.roots = lanes - merges;
  std::vector<char> gone(lanes);
  for (std::size_t t = 0; t < merges; ++t) gone[tree.pairs[2 * t + 1]] = 1;
  std::vector<std::uint32_t> living(lanes);
  std::uint32_t root = 0;
  for (std::size_t slot = 0; slot < lanes; ++slot) {
    if (!gone[slot]) living[slot] = root++;
  }
  for (std::size_t n = 0; n < merges; ++n) {
    const std::size_t t = merges - 1 - n;
    const auto first = static_cast<std::uint32_t>(nodes.roots + 2 * n);
    nodes.parents.push_back(living[tree.pairs[2 * t]]);
    living[tree.pairs[2 * t]] = first;
    living[tree.pairs[2 * t + 1]] = first + 1;
  }
  for (std::uint32_t node = 0; node < lanes + merges; ++node) nodes.rows.push_back(node);
}

inline Nodes unfold(DType dtype, Bytes words, std::size_t lanes, std::size_t length, const Tree& tree,
                    std::vector<std::uint16_t> element_floors = {}, bool even = false, int threads = 1) {
  const Job job(threads);
  Nodes nodes;
  nodes.dtype = dtype;
  nodes.shift = tensor_shift(job, dtype, words.data(), lanes * length);
  nodes.length = length;
  nodes.element_floors = std::move(element_floors);
  number_nodes(nodes, tree, lanes);
  const Lanes view{dtype, nodes.shift, lanes, length, words.data(), nodes.element_floors};
  const LanePlan plan = plan_lanes(job, view, tree.view(), even);
  nodes.followed.resize(tree.merges());
  nodes.element_shifts = plan.element_shifts;
  nodes.floors.resize(nodes.rows.size());
  nodes.gains.resize(nodes.rows.size());
  nodes.coefficients.resize(tree.coefficients.size());
  nodes.words.resize(nodes.rows.size() * length * dtype_bytes(dtype));
  unfold_nodes(job, view, tree.view(), plan, nodes.words.data(),
               {nodes.floors, nodes.gains, nodes.coefficients, nodes.followed});
  return nodes;
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
