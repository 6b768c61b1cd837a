#include "kernels/activation_functions.h"
#include "kernels/gram.h"
#include "kernels/refit.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kBatchTile = 64;

// h := φ(h + b), row by row; b may be null.
void activate(const Activation& activation, const double* bias, Matrix& h) {
  with_activation(activation, [&](const auto& phi) {
    for (std::size_t i = 0; i < h.rows(); ++i) {
      double* row = h.row(i);
      for (std::size_t j = 0; j < h.cols(); ++j) row[j] = phi(bias ? row[j] + bias[j] : row[j]);
    }
  });
}

}  // namespace

void forward(const Job& job, const Activation& activation, const BlockNeurons& block, const double* output_bias,
             ConstMatrix x, MutMatrix y) {
  parallel_for(job, x.rows, kBatchTile, [&](std::size_t begin, std::size_t end) {
    const Job inside;
    const MutMatrix tile = y.rows_from(begin, end);
    Matrix hidden(end - begin, block.input.rows);
    cross_gram(inside, x.rows_from(begin, end), block.input, hidden.view());
    activate(activation, block.bias, hidden);
    multiply(inside, hidden.view(), block.output, tile);
    if (!output_bias) return;
    for (std::size_t i = 0; i < tile.rows; ++i)
      for (std::size_t c = 0; c < tile.cols; ++c) tile(i, c) += output_bias[c];
  });
}

}  // namespace herm
