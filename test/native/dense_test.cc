#include "kernels/dense.h"

#include <doctest/doctest.h>

#include <cstring>

#include "test_block.h"

using namespace herm;
using oracle::TestBlock;

namespace {

const Activation kActivations[] = {
    {ActivationKind::Identity},  {ActivationKind::Relu},    {ActivationKind::LeakyRelu, 0.1}, {ActivationKind::Relu2},
    {ActivationKind::Gelu},      {ActivationKind::Silu},    {ActivationKind::Tanh},           {ActivationKind::Sigmoid},
    {ActivationKind::HardSwish}, {ActivationKind::Elu, 0.5}};

// A block's forward pass [batch×p] as two layers: φ(x Wᵀ + b) V + c.
Matrix block_forward(const Job& job, const Activation& activation, const TestBlock& block, bool with_bias,
                     const double* c, const Matrix& x) {
  const StoredMatrix input{DType::F64, block.input.data(), block.input.rows(), block.input.cols(), false};
  const StoredMatrix output{DType::F64, block.output.data(), block.output.rows(), block.output.cols(), true};
  Matrix hidden(x.rows(), block.input.rows()), y(x.rows(), block.output.cols());
  dense(job, {ActivationKind::Identity}, x.view(), input, with_bias ? block.bias.data() : nullptr, nullptr,
        hidden.view());
  dense(job, activation, hidden.view(), output, c, nullptr, y.view());
  return y;
}

}  // namespace

TEST_CASE("two layers agree with a naive loop over a block, with and without biases, around the size of a tile") {
  for (const Activation& activation : kActivations) {
    for (const std::size_t batch : {0u, 1u, 255u, 257u}) {
      const TestBlock block(13, 4, 3, 29);
      const Matrix x = oracle::random_matrix(batch, 4, 30);
      const double c[] = {0.5, -1, 2};
      for (const bool with_bias : {true, false}) {
        const Matrix y = block_forward(Job(), activation, block, with_bias, with_bias ? c : nullptr, x);
        for (std::size_t s = 0; s < batch; ++s) {
          for (std::size_t o = 0; o < 3; ++o) {
            double expected = with_bias ? c[o] : 0;
            for (std::size_t i = 0; i < 13; ++i) {
              const double pre = oracle::dot(block.input.row(i), x.row(s), 4) + (with_bias ? block.bias[i] : 0);
              expected += activation(pre) * block.output(i, o);
            }
            CHECK(y(s, o) == doctest::Approx(expected).epsilon(1e-12).scale(10));
          }
        }
      }
    }
  }
}

TEST_CASE("without neurons only the output bias is left") {
  const double c[] = {0.5, -1};
  const Matrix y = block_forward(Job(), {ActivationKind::Relu}, TestBlock(0, 3, 2, 1), false, c, Matrix(2, 3));
  CHECK(y(1, 0) == 0.5);
  CHECK(y(0, 1) == -1);
}

TEST_CASE("layers have the same bits for every number of threads") {
  const TestBlock block(300, 10, 270, 41);
  const Matrix x = oracle::random_matrix(600, 10, 50);
  const Matrix y = block_forward(Job(1), {ActivationKind::Gelu}, block, true, nullptr, x);
  for (const int threads : {2, 3, 8}) {
    const Matrix z = block_forward(Job(threads), {ActivationKind::Gelu}, block, true, nullptr, x);
    CHECK(std::memcmp(y.data(), z.data(), 600 * 270 * sizeof(double)) == 0);
  }
}
