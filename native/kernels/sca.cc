#include "kernels/sca.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "kernels/decompose.h"
#include "kernels/gram.h"
#include "kernels/pair_walk.h"
#include "kernels/sca_pair.h"
#include "kernels/threads.h"
#include "kernels/unit_row.h"

namespace herm {

namespace {

double squared_length(const double* begin, const double* end) { return std::inner_product(begin, end, begin, 0.0); }

// Columns [begin, end) of a, widened with zero columns to at least as many as there are rows, so that the thin SVD has
// all left vectors.
Matrix columns(ConstMatrix a, std::size_t begin, std::size_t end) {
  Matrix part(a.rows, std::max(a.rows, end - begin));
  for (std::size_t i = 0; i < a.rows; ++i) std::copy(a.row(i) + begin, a.row(i) + end, part.row(i));
  return part;
}

// Xᵀ a for the left singular vectors X of columns [begin, end) of a [r×d]: rows whose parts there are orthogonal, by
// falling length of the parts (rising if `reversed`).
Matrix diagonalise(const Job& job, ConstMatrix a, std::size_t begin, std::size_t end, bool reversed) {
  const Matrix part = columns(a, begin, end);
  const Matrix left = svd(part.view(), SvdVectors::Both).left;
  job.check();
  Matrix transposed(a.rows, a.rows), result(a.rows, a.cols);
  for (std::size_t k = 0; k < a.rows; ++k) {
    const std::size_t column = reversed ? a.rows - 1 - k : k;
    for (std::size_t i = 0; i < a.rows; ++i) transposed(k, i) = left(i, column);
  }
  multiply(job, transposed.view(), a, result.view());
  return result;
}

// The rotation of an orthonormal basis [r×d] (rows) that makes input parts and output parts orthogonal. An SVD
// separates the components with small input parts well, and those with small output parts badly: these get an SVD of
// their output parts.
Matrix separate(const Job& job, const Matrix& span, std::size_t inputs) {
  const std::size_t d = span.cols();
  Matrix basis = diagonalise(job, span.view(), 0, inputs, false);
  std::size_t mostly_input = 0;
  while (mostly_input < basis.rows()) {
    const double* row = basis.row(mostly_input);
    if (squared_length(row, row + inputs) <= squared_length(row + inputs, row + d)) break;
    ++mostly_input;
  }
  if (mostly_input > 1 && inputs < d) {
    const Matrix refined = diagonalise(job, basis.view().rows_from(0, mostly_input), inputs, d, true);
    std::copy_n(refined.data(), mostly_input * d, basis.data());
  }
  return basis;
}

void make_largest_positive(double* row, std::size_t n) {
  const double* largest =
      std::max_element(row, row + n, [](double a, double b) { return std::fabs(a) < std::fabs(b); });
  if (*largest < 0) std::transform(row, row + n, row, [](double x) { return 0 - x; });
}

// Shares and angles of the rows of `basis`, and the rows in their order.
void order_components(const Matrix& basis, std::size_t inputs, Sca& result) {
  const std::size_t r = basis.rows(), d = basis.cols();
  std::vector<double> shares(r), angles(r);
  for (std::size_t k = 0; k < r; ++k) {
    const double* row = basis.row(k);
    const double in = squared_length(row, row + inputs), out = squared_length(row + inputs, row + d);
    shares[k] = in / (in + out);
    angles[k] = std::atan2(std::sqrt(out), std::sqrt(in));
  }
  std::vector<std::size_t> order(r);
  std::iota(order.begin(), order.end(), std::size_t{0});
  // The angle tells components of large shares apart, the share those of small ones.
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return angles[a] != angles[b] ? angles[a] < angles[b] : shares[a] > shares[b];
  });
  result.rank = r;
  result.basis = Matrix(r, d);
  for (const std::size_t k : order) {
    double* row = result.basis.row(result.shares.size());
    std::copy_n(basis.row(k), d, row);
    make_largest_positive(row, d);
    result.shares.push_back(shares[k]);
    result.angles.push_back(angles[k]);
  }
}

Matrix pair_basis(ConstMatrix z, std::size_t inputs) {
  const PairSca pair = sca_of_pair(z.row(0), z.row(1), z.cols, inputs);
  Matrix basis(pair.rank, z.cols);
  for (std::size_t k = 0; k < pair.rank; ++k) std::copy_n(pair.basis[k].data(), z.cols, basis.row(k));
  return basis;
}

// Columns [begin, end) of a.
ConstMatrix part(ConstMatrix a, std::size_t begin, std::size_t end) {
  return {a.data + begin, a.rows, end - begin, a.stride};
}

double dot(ConstMatrix a, std::size_t i, std::size_t j) {
  return std::inner_product(a.row(i), a.row(i) + a.cols, a.row(j), 0.0);
}

// Moves the listed rows of z, ascending, to its beginning, and scales them by powers of two: their squares neither
// overflow nor underflow, and no digit changes. Returns them.
ConstMatrix scaled_rows(const Job& job, MutMatrix z, const std::vector<std::uint32_t>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != i) std::copy_n(z.row(rows[i]), z.cols, z.row(i));
  }
  parallel_for(job, rows.size(), 64, [&](std::size_t begin, std::size_t end) {
    int exponent;
    for (std::size_t i = begin; i < end; ++i) scale_row(z.row(i), z.cols, z.row(i), exponent);
  });
  return z.rows_from(0, rows.size());
}

// Gram matrices of the parts of rows z that are scaled to length 1 each. Zero rows' are NaN.
PairGrams part_grams(const Job& job, ConstMatrix z, std::size_t inputs) {
  const ConstMatrix in = part(z, 0, inputs), out = part(z, inputs, z.cols);
  PairGrams grams{gram_diagonal(job, in), gram_diagonal(job, out), {}, {}};
  std::vector<double> scales(z.rows);
  for (std::size_t i = 0; i < z.rows; ++i) {
    const double square = grams.input_diagonal[i] + grams.output_diagonal[i];
    scales[i] = 1 / std::sqrt(square);
    grams.input_diagonal[i] /= square;
    grams.output_diagonal[i] /= square;
  }
  grams.tile = [in, out, scales](const KernelTile& at, MutMatrix input, MutMatrix output) {
    for (const auto& [rows, gram] : {std::pair{in, input}, std::pair{out, output}}) {
      multiply_rows(rows.rows_from(at.i, at.i_end), rows.rows_from(at.j, at.j_end), gram);
      for (std::size_t r = 0; r < gram.rows; ++r) {
        double* row = gram.row(r);
        for (std::size_t c = 0; c < gram.cols; ++c) row[c] *= scales[at.i + r] * scales[at.j + c];
      }
    }
  };
  grams.entry = [in, out, scales](std::size_t i, std::size_t j) {
    const double scale = scales[i] * scales[j];
    return std::pair{dot(in, i, j) * scale, dot(out, i, j) * scale};
  };
  return grams;
}

}  // namespace

Sca sca(const Job& job, ConstMatrix z, std::size_t inputs) {
  if (inputs > z.cols) throw std::invalid_argument("the input part is wider than the neurons");
  require_finite(z, "the neurons' weights");
  Matrix unit(z.rows, z.cols);
  std::vector<RowNorm> norms(z.rows);
  for (std::size_t i = 0; i < z.rows; ++i) norms[i] = unit_row(z.row(i), z.cols, unit.row(i));

  Sca result;
  if (z.rows == 2) {
    order_components(pair_basis(z, inputs), inputs, result);
  } else {
    const Matrix span = row_space(unit.view());
    job.check();
    if (span.rows() > 0) order_components(separate(job, span, inputs), inputs, result);
  }
  result.coordinates = Matrix(z.rows, result.rank);
  if (result.rank == 0) return result;
  cross_gram(job, unit.view(), result.basis.view(), result.coordinates.view());
  for (std::size_t i = 0; i < z.rows; ++i) {
    for (std::size_t k = 0; k < result.rank; ++k) result.coordinates(i, k) = norms[i].times(result.coordinates(i, k));
  }
  return result;
}

void sca_pairs(const Job& job, MutMatrix z, std::size_t inputs, const std::uint32_t* pairs, std::size_t count,
               double* shares, double* angles) {
  if (inputs > z.cols) throw std::invalid_argument("the input part is wider than the neurons");
  const PairIndex index(job, pairs, count, z.rows);
  require_finite(z, "the neurons' weights");
  const ConstMatrix rows = scaled_rows(job, z, index.neurons());
  for_each_batch(job, index, part_grams(job, rows, inputs), [&](const PairBatch& batch, const std::size_t* numbers) {
    BatchShares result;
    batch_shares(batch, result);
    for (std::size_t k = 0; k < batch.size; ++k) {
      PairShares pair{{result.shares[0][k], result.shares[1][k]}, {result.angles[0][k], result.angles[1][k]}};
      if (std::isnan(pair.shares[0])) {
        const auto [i, j] = index.places(numbers[k]);
        pair = sca_of_pair(rows.row(i), rows.row(j), rows.cols, inputs).components;
      }
      std::copy_n(pair.shares.data(), 2, shares + 2 * numbers[k]);
      std::copy_n(pair.angles.data(), 2, angles + 2 * numbers[k]);
    }
  });
}

}  // namespace herm
