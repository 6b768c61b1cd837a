// Whole layers of gated neurons: everything that is computed from a block holds for gated blocks too.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "activations.h"
#include "gated_block.h"
#include "kernels/block_gid.h"
#include "kernels/block_kernel.h"
#include "kernels/dense.h"
#include "kernels/refit.h"
#include "kernels/symmetry.h"
#include "test_block.h"

using namespace herm;
using oracle::gated_kernel;
using oracle::GatedTestBlock;
using oracle::same_bits;

namespace {

const Activation kSilu{ActivationKind::Silu};

Matrix kernel_of(const Job& job, const GatedTestBlock& block) {
  Matrix phi(block.gate.rows(), block.gate.rows());
  BlockKernel(job, HermiteExpander(kSilu, kSearchDegree), block.view()).matrix(job, phi.view());
  return phi;
}

std::vector<std::uint32_t> groups_of(const Activation& phi, const GatedTestBlock& block,
                                     std::vector<NeuronClass>* classes = nullptr) {
  const std::size_t m = block.gate.rows();
  std::vector<std::uint8_t> found(m);
  std::vector<std::uint32_t> groups(m);
  const Rounding rounding = rounding_of(DType::F64);
  symmetries(Job(), phi, block.view(), {rounding, rounding, rounding, rounding}, found.data(), groups.data());
  if (classes)
    for (const std::uint8_t value : found) classes->push_back(static_cast<NeuronClass>(value));
  return groups;
}

}  // namespace

TEST_CASE("a gated layer's kernel matrix holds the kernels of its pairs, the same bits for every number of threads") {
  const GatedTestBlock block(150, 7, 3, 11);  // more than a tile
  const Matrix phi = kernel_of(Job(1), block);
  CHECK(same_bits(phi, oracle::transpose(phi)));
  CHECK(same_bits(phi, kernel_of(Job(2), block)));
  CHECK(same_bits(phi, kernel_of(Job(5), block)));
  const GatedExpander expander(kSilu, kSearchDegree);
  for (std::size_t i = 0; i < 150; i += 7)
    for (std::size_t j = 0; j < 150; j += 11)
      CHECK(phi(i, j) == doctest::Approx(gated_kernel(expander, block, i, block, j)).epsilon(1e-12).scale(1));
}

TEST_CASE("norms and distances of gated layers are those of their pairs") {
  const HermiteExpander expander(kSilu, kSearchDegree);
  const GatedExpander gated(kSilu, kSearchDegree);
  const GatedTestBlock f(30, 5, 4, 21), g(12, 5, 4, 22);
  const auto inner = [&](const GatedTestBlock& a, const GatedTestBlock& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.gate.rows(); ++i)
      for (std::size_t j = 0; j < b.gate.rows(); ++j)
        sum += gated_kernel(gated, a, i, b, j) * oracle::dot(a.output.row(i), b.output.row(j), 4);
    return sum;
  };
  const double norm = squared_norm(Job(), expander, f.view());
  CHECK(norm == doctest::Approx(inner(f, f)).epsilon(1e-10));
  CHECK(squared_distance(Job(), expander, f.view(), norm, g.view()) ==
        doctest::Approx(inner(f, f) + inner(g, g) - 2 * inner(f, g)).epsilon(1e-10));
  CHECK(squared_distance(Job(), expander, f.view(), norm, f.view()) <= 1e-12 * norm);
}

TEST_CASE("a gated layer's gates: their squares add up to its norm, and a pair's are the same in any company") {
  const GatedTestBlock block(40, 6, 5, 31);
  std::vector<double> spectrum(40);
  block_gate_spectrum(Job(), kSilu, block.view(), spectrum.data());
  double sum = 0;
  for (const double gate : spectrum) sum += gate * gate;
  CHECK(sum == doctest::Approx(squared_norm(Job(), HermiteExpander(kSilu, kSearchDegree), block.view())).epsilon(1e-9));

  const std::uint32_t few[] = {3, 17};
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 0; i < 40; ++i)
    for (std::uint32_t j = i + 1; j < 40; ++j) all.insert(all.end(), {i, j});
  std::vector<double> alone(2), together(all.size());
  block_pair_gates(Job(), kSilu, block.view(), few, 1, alone.data());
  block_pair_gates(Job(), kSilu, block.view(), all.data(), all.size() / 2, together.data());
  const NeuronGid pair = block_gid(Job(), kSilu, block.view(), {3, 17});
  for (std::size_t k = 0; k < all.size(); k += 2) {
    if (all[k] != 3 || all[k + 1] != 17) continue;
    for (std::size_t l = 0; l < 2; ++l) {
      CHECK(together[k + l] == doctest::Approx(pair.gid.gates[l]).epsilon(1e-10));
      CHECK(alone[l] == doctest::Approx(pair.gid.gates[l]).epsilon(1e-10));
    }
  }
}

TEST_CASE("refitting a gated layer's neurons gives back what they can compute") {
  const HermiteExpander expander(kSilu, kSearchDegree);
  GatedTestBlock block(20, 6, 4, 41);
  block.copy_gate(0, 19);
  block.copy_value(0, 19, -2);
  // The last neuron is a multiple of the first: without it the others still compute the layer.
  GatedTestBlock kept(19, 6, 4, 42);
  for (std::size_t i = 0; i < 19; ++i) {
    std::copy_n(block.gate.row(i), 6, kept.gate.row(i));
    std::copy_n(block.value.row(i), 6, kept.value.row(i));
    kept.gate_bias[i] = block.gate_bias[i];
    kept.value_bias[i] = block.value_bias[i];
  }
  refit(Job(), expander, block.view(), kept.view(), 1e-12, kept.output.view());
  const double norm = squared_norm(Job(), expander, block.view());
  CHECK(squared_distance(Job(), expander, block.view(), norm, kept.view()) <= 1e-9 * norm);
  for (std::size_t c = 0; c < 4; ++c)
    CHECK(kept.output(0, c) == doctest::Approx(block.output(0, c) - 2 * block.output(19, c)).epsilon(1e-5).scale(1));
}

TEST_CASE("gated duplicates: one gate up to its activation's symmetries, values up to any factor") {
  GatedTestBlock block(8, 5, 3, 51);
  block.copy_gate(0, 3);
  block.copy_value(0, 3, -3);  // a duplicate
  block.copy_gate(1, 4);       // of its gate only
  block.copy_value(2, 5, 7);   // of its value only
  block.copy_gate(2, 6, 0.3);  // for ReLU
  block.copy_value(2, 6);
  block.copy_gate(1, 7, -1);  // for tanh
  block.copy_value(1, 7);
  CHECK(groups_of(kSilu, block) == std::vector<std::uint32_t>{0, 1, 2, 0, 4, 5, 6, 7});
  CHECK(groups_of({ActivationKind::Relu}, block) == std::vector<std::uint32_t>{0, 1, 2, 0, 4, 5, 2, 7});
  CHECK(groups_of({ActivationKind::Tanh}, block) == std::vector<std::uint32_t>{0, 1, 2, 0, 4, 5, 6, 1});
}

TEST_CASE("gated neurons without outputs or values are dead, those without inputs constant") {
  GatedTestBlock block(5, 4, 3, 61);
  block.scale_row(block.output, 0, 0);
  block.scale_row(block.value, 1, 0);
  block.value_bias[1] = 0;
  block.scale_row(block.value, 2, 0);
  block.scale_row(block.gate, 2, 0);
  block.scale_row(block.gate, 3, 0);  // linear
  std::vector<NeuronClass> classes;
  groups_of(kSilu, block, &classes);
  CHECK(classes == std::vector<NeuronClass>{NeuronClass::Dead, NeuronClass::Dead, NeuronClass::Constant,
                                            NeuronClass::Normal, NeuronClass::Normal});
}

TEST_CASE("a dense layer with a gate is the gated block by its definition") {
  const GatedTestBlock block(9, 4, 3, 71);
  const auto stored = [](const Matrix& matrix) {
    return StoredMatrix{DType::F64, matrix.data(), matrix.rows(), matrix.cols(), false};
  };
  const Matrix x = oracle::random_matrix(300, 4, 72);
  Matrix hidden(300, 9);
  for (const bool biased : {true, false}) {
    const DenseGate gate{kSilu, stored(block.gate), biased ? block.gate_bias.data() : nullptr};
    dense(Job(2), {ActivationKind::Relu}, x.view(), stored(block.value), biased ? block.value_bias.data() : nullptr,
          &gate, hidden.view());
    for (std::size_t s = 0; s < 300; ++s) {
      for (std::size_t i = 0; i < 9; ++i) {
        double g = biased ? block.gate_bias[i] : 0, u = biased ? block.value_bias[i] : 0;
        for (std::size_t c = 0; c < 4; ++c) {
          g += block.gate(i, c) * std::max(0.0, x(s, c));
          u += block.value(i, c) * std::max(0.0, x(s, c));
        }
        CHECK(hidden(s, i) == doctest::Approx(oracle::naive(kSilu, g) * u).epsilon(1e-12).scale(1));
      }
    }
  }
}
