#include "kernels/sca.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "kernels/decompose.h"
#include "kernels/gram.h"
#include "kernels/pair_index.h"
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

// The Gram entries of pairs, by BLAS-3 over the neurons that occur where the pairs are many, else one by one.
class PairGrams {
 public:
  PairGrams(const Job& job, ConstMatrix z, std::size_t inputs, const std::uint32_t* pairs, std::size_t count)
      : z_(z), inputs_(inputs), index_(pairs, count, z.rows) {
    if (!index_.dense()) return;
    const Matrix rows = select_rows(z, index_.neurons());
    const std::size_t m = rows.rows();
    input_ = Matrix(m, m);
    output_ = Matrix(m, m);
    gram(job, {rows.data(), m, inputs, z.cols}, input_.view());
    gram(job, {rows.data() + inputs, m, z.cols - inputs, z.cols}, output_.view());
    // Diagonals apart: to walk down a row of pairs must not jump about in memory.
    lengths_.reserve(m);
    for (std::size_t i = 0; i < m; ++i) lengths_.emplace_back(input_(i, i), output_(i, i));
  }

  void get(std::size_t i, std::size_t j, Sym2& input, Sym2& output) const {
    if (!index_.dense()) {
      input = dots(i, j, 0, inputs_);
      output = dots(i, j, inputs_, z_.cols);
    } else {
      const std::size_t a = index_.place(i), b = index_.place(j);
      input = {lengths_[a].first, input_(a, b), lengths_[b].first};
      output = {lengths_[a].second, output_(a, b), lengths_[b].second};
    }
  }

 private:
  Sym2 dots(std::size_t i, std::size_t j, std::size_t begin, std::size_t end) const {
    const double *x = z_.row(i), *y = z_.row(j);
    Sym2 g;
    for (std::size_t k = begin; k < end; ++k) {
      g.a11 += x[k] * x[k];
      g.a12 += x[k] * y[k];
      g.a22 += y[k] * y[k];
    }
    return g;
  }

  ConstMatrix z_;
  std::size_t inputs_;
  PairIndex index_;
  Matrix input_, output_;                           // of the neurons of a dense index
  std::vector<std::pair<double, double>> lengths_;  // squared lengths of their parts
};

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

void sca_pairs(const Job& job, ConstMatrix z, std::size_t inputs, const std::uint32_t* pairs, std::size_t count,
               double* shares, double* angles) {
  if (inputs > z.cols) throw std::invalid_argument("the input part is wider than the neurons");
  require_finite(z, "the neurons' weights");
  const PairGrams grams(job, z, inputs, pairs, count);
  parallel_for(job, count, 1024, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      const std::size_t i = pairs[2 * k], j = pairs[2 * k + 1];
      Sym2 input, output;
      grams.get(i, j, input, output);
      PairShares result;
      if (!shares_from_gram(input, output, result)) {
        result = sca_of_pair(z.row(i), z.row(j), z.cols, inputs).components;
      }
      std::copy_n(result.shares.data(), 2, shares + 2 * k);
      std::copy_n(result.angles.data(), 2, angles + 2 * k);
    }
  });
}

}  // namespace herm
