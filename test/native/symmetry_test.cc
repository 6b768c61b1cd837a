#include "kernels/symmetry.h"

#include <doctest/doctest.h>

#include "kernels/error.h"
#include "oracle.h"

using namespace herm;

namespace {

const Activation kRelu{ActivationKind::Relu}, kRelu2{ActivationKind::Relu2}, kLeaky{ActivationKind::LeakyRelu, 0.1},
    kTanh{ActivationKind::Tanh}, kGelu{ActivationKind::Gelu}, kIdentity{ActivationKind::Identity};

struct TestBlock {
  Matrix input, output;
  std::vector<double> bias;
  DType dtype;

  TestBlock(std::size_t m, std::size_t n, DType type, unsigned seed = 1)
      : input(oracle::random_matrix(m, n, seed)), output(oracle::random_matrix(m, 3, seed + 1)), bias(m), dtype(type) {
    const Matrix random = oracle::random_matrix(1, m, seed + 2);
    for (std::size_t i = 0; i < m; ++i) bias[i] = round(random(0, i));
    for (std::size_t k = 0; k < m * n; ++k) input.data()[k] = round(input.data()[k]);
  }

  double round(double value) const {
    std::uint64_t bits = 0;
    narrow(dtype, &value, 1, &bits);
    widen(dtype, &bits, 1, &value);
    return value;
  }

  // Neuron `to` gets the rounded multiple of neuron `from`.
  void scale_neuron(std::size_t from, std::size_t to, double factor) {
    for (std::size_t c = 0; c < input.cols(); ++c) input(to, c) = round(factor * input(from, c));
    bias[to] = round(factor * bias[from]);
  }
};

struct Found {
  std::vector<std::uint8_t> classes;
  std::vector<std::uint32_t> groups;
};

Found find(const TestBlock& block, const Activation& activation, int threads = 1) {
  const std::size_t m = block.input.rows();
  Found found{std::vector<std::uint8_t>(m), std::vector<std::uint32_t>(m)};
  const Rounding rounding = rounding_of(block.dtype);
  symmetries(Job(threads), activation, {block.input.view(), block.bias.data(), block.output.view()},
             {rounding, rounding, {}, {}}, found.classes.data(), found.groups.data());
  return found;
}

std::vector<std::uint32_t> alone(std::size_t m) {
  std::vector<std::uint32_t> groups(m);
  for (std::size_t i = 0; i < m; ++i) groups[i] = static_cast<std::uint32_t>(i);
  return groups;
}

}  // namespace

TEST_CASE("scaled duplicates are found through the rounding of every dtype, and only they") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0.1, 3);
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    CAPTURE(static_cast<int>(dtype));
    const std::size_t m = 400;
    TestBlock block(m, 60, dtype);
    auto expected = alone(m);
    for (std::uint32_t i = 0; i < m; i += 4) {
      // Two multiples of neuron i: two roundings lie between them.
      block.scale_neuron(i, i + 1, std::exp2(-exponent(random)));
      block.scale_neuron(i, i + 2, std::exp2(exponent(random)));
      expected[i + 1] = expected[i + 2] = i;
    }
    for (const Activation& activation : {kRelu, kRelu2, kLeaky, kIdentity}) {
      CHECK(find(block, activation).groups == expected);
      CHECK(find(block, activation, 2).groups == expected);
    }
    CHECK(find(block, kTanh).groups == alone(m));
    CHECK(find(block, kGelu).groups == alone(m));
  }
}

TEST_CASE("which duplicates count depends on the activation") {
  TestBlock block(8, 10, DType::F32);
  block.scale_neuron(0, 1, 1);   // copy
  block.scale_neuron(2, 3, -1);  // opposite
  block.scale_neuron(4, 5, 3);   // multiple
  block.scale_neuron(6, 7, -3);  // opposite multiple
  using Groups = std::vector<std::uint32_t>;
  CHECK(find(block, kRelu).groups == Groups{0, 0, 2, 3, 4, 4, 6, 7});
  CHECK(find(block, kTanh).groups == Groups{0, 0, 2, 2, 4, 5, 6, 7});
  CHECK(find(block, kGelu).groups == Groups{0, 0, 2, 3, 4, 5, 6, 7});
  CHECK(find(block, kIdentity).groups == Groups{0, 0, 2, 2, 4, 4, 6, 6});
  block.bias[1] += 0.001;  // the bias belongs to the neuron
  CHECK(find(block, kRelu).groups[1] == 1);
  CHECK(find(block, kGelu).groups[1] == 1);
}

TEST_CASE("a neuron that differs in one weight by more than rounding is no duplicate") {
  TestBlock block(2, 500, DType::F32);
  block.scale_neuron(0, 1, 0.7);
  REQUIRE(find(block, kRelu).groups[1] == 0);
  std::size_t smallest = 0;
  for (std::size_t c = 0; c < 500; ++c) {
    if (std::fabs(block.input(1, c)) < std::fabs(block.input(1, smallest))) smallest = c;
  }
  block.input(1, smallest) = block.round(block.input(1, smallest) * 1.00001);
  CHECK(find(block, kRelu).groups[1] == 1);
}

TEST_CASE("dead and constant neurons are classed, and never grouped") {
  TestBlock block(6, 4, DType::F32);
  for (const std::size_t i : {1, 2, 3}) {
    for (std::size_t c = 0; c < 4; ++c) block.input(i, c) = 0;
  }
  block.input(1, 2) = -0.0;
  block.bias[1] = block.bias[2];
  for (const std::size_t i : {3, 4}) {
    for (std::size_t c = 0; c < 3; ++c) block.output(i, c) = 0;
  }
  block.scale_neuron(4, 5, 2);
  const Found found = find(block, kRelu);
  CHECK(found.classes == std::vector<std::uint8_t>{0, 2, 2, 1, 1, 0});
  CHECK(found.groups == alone(6));
}

TEST_CASE("duplicates with denormal weights, and at both ends of the range") {
  TestBlock block(4, 20, DType::F64);
  block.scale_neuron(0, 1, 1e-310);  // few bits are left
  block.scale_neuron(2, 3, 1e305);
  CHECK(find(block, kRelu).groups == std::vector<std::uint32_t>{0, 0, 2, 2});
  TestBlock half(2, 20, DType::F16);
  half.scale_neuron(0, 1, 0x1p-13);  // mostly below the smallest normal half
  CHECK(find(half, kRelu).groups == std::vector<std::uint32_t>{0, 0});
  for (double& x : block.bias) x = 1e308;
  CHECK(find(block, kTanh).groups == alone(4));
}

TEST_CASE("a layer of copies is one group") {
  TestBlock block(3000, 5, DType::F32);
  for (std::size_t i = 1; i < 3000; ++i) block.scale_neuron(0, i, 1 + static_cast<double>(i) / 100);
  CHECK(find(block, kRelu).groups == std::vector<std::uint32_t>(3000, 0));
}

TEST_CASE("symmetries of an empty block, of one without biases, of one that is not finite") {
  CHECK(find(TestBlock(0, 3, DType::F32), kRelu).groups.empty());
  TestBlock block(2, 3, DType::F32);
  for (std::size_t c = 0; c < 3; ++c) block.input(1, c) = 2 * block.input(0, c);
  std::uint8_t classes[2];
  std::uint32_t groups[2];
  symmetries(Job(), kRelu, {block.input.view(), nullptr, block.output.view()}, {}, classes, groups);
  CHECK(groups[1] == 0);
  block.input(0, 0) = NAN;
  CHECK_THROWS_AS(find(block, kRelu), KernelError);
}
