// A block's skeletons from its full width down: the rounded weights that a .herm file serves at each width.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/exact_tree.h"
#include "kernels/stored_block.h"

namespace herm {

// A merge tree as arrays, fine to coarse (lib/herm/tree.ts).
struct TreeView {
  std::span<const std::uint32_t> pairs;        // [2T] slots i < j
  std::span<const std::uint16_t> alpha, beta;  // [2T]
  std::span<const double> bias;                // [T]
  // Of a gated block, else empty.
  std::span<const std::uint16_t> gate_alpha;  // [2T]
  std::span<const double> gate_bias;          // [T]

  std::size_t merges() const { return pairs.size() / 2; }
};

class SkeletonWalk {
 public:
  // Throws std::invalid_argument where the tree does not fit the block.
  SkeletonWalk(const Job& job, const StoredBlock& block, const TreeView& tree);

  // Merges down to `width` neurons; widths only ever shrink, to m − T at least.
  void narrow_to(const Job& job, std::size_t width);

  std::size_t width() const { return living_; }
  // The skeleton's weights in double, neurons in ascending order of their slots, inputs as in LoadedBlock.
  struct Skeleton {
    Matrix input;              // [k×n]
    std::vector<double> bias;  // [k], or empty
    Matrix output;             // [k×p]
    Matrix gate;               // [k×n], or empty
    std::vector<double> gate_bias;

    BlockNeurons view() const { return {input.view(), pointer(bias), output.view(), gate.view(), pointer(gate_bias)}; }
    static const double* pointer(const std::vector<double>& values) { return values.empty() ? nullptr : values.data(); }
  };
  Skeleton skeleton() const;
  // The same as a file serves them: for x, not for z.
  Skeleton weights() const;

 private:
  struct Side {
    Lanes lanes;
    std::vector<std::uint8_t> words;
    LanePlan plan;
  };
  static Side load(const Job& job, const StoredMatrix& stored);
  void check_tree(const StoredBlock& block) const;
  std::vector<double> load_bias(bool present, const StoredMatrix& stored) const;
  Matrix living_rows(const Side& side, std::span<const std::uint16_t> coefficients) const;
  std::vector<double> living(const std::vector<double>& bias) const;

  TreeView tree_;
  InputPrior prior_;
  Side input_, output_, gate_;
  bool gated_;
  std::vector<double> bias_, gate_bias_;  // by slot, or empty
  std::vector<char> alive_;
  std::size_t living_;
  std::size_t merged_ = 0;
};

}  // namespace herm
