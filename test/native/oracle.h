// Slow and simple linear algebra that the kernels' results are held against: naive loops and Jacobi's method.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/matrix_view.h"

namespace oracle {

using herm::Matrix;

inline Matrix random_matrix(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Matrix a(rows, cols);
  for (std::size_t i = 0; i < rows * cols; ++i) a.data()[i] = normal(random);
  return a;
}

inline double dot(const double* x, const double* y, std::size_t n) {
  long double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<long double>(x[i]) * y[i];
  return static_cast<double>(sum);
}

inline Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows(), b.cols());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < b.cols(); ++j) {
      long double sum = 0;
      for (std::size_t k = 0; k < a.cols(); ++k) sum += static_cast<long double>(a(i, k)) * b(k, j);
      c(i, j) = static_cast<double>(sum);
    }
  }
  return c;
}

inline Matrix transpose(const Matrix& a) {
  Matrix t(a.cols(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) t(j, i) = a(i, j);
  }
  return t;
}

// a aᵀ of columns [begin, end).
inline Matrix gram_of_rows(const Matrix& a, std::size_t begin, std::size_t end) {
  Matrix g(a.rows(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.rows(); ++j) g(i, j) = dot(a.row(i) + begin, a.row(j) + begin, end - begin);
  }
  return g;
}
inline Matrix gram_of_rows(const Matrix& a) { return gram_of_rows(a, 0, a.cols()); }

inline double largest_difference(const Matrix& a, const Matrix& b) {
  double largest = a.rows() == b.rows() && a.cols() == b.cols() ? 0 : INFINITY;
  for (std::size_t i = 0; i < a.rows() * a.cols() && largest < INFINITY; ++i) {
    largest = std::max(largest, std::fabs(a.data()[i] - b.data()[i]));
  }
  return largest;
}

inline Matrix diagonal(const std::vector<double>& values) {
  Matrix d(values.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) d(i, i) = values[i];
  return d;
}

// Singular values, descending, by one-sided Jacobi on the rows.
inline std::vector<double> singular_values(Matrix a) {
  if (a.rows() > a.cols()) a = transpose(a);
  const std::size_t n = a.cols();
  for (int sweep = 0; sweep < 60; ++sweep) {
    bool rotated = false;
    for (std::size_t p = 0; p < a.rows(); ++p) {
      for (std::size_t q = p + 1; q < a.rows(); ++q) {
        const double x = dot(a.row(p), a.row(p), n), y = dot(a.row(q), a.row(q), n), z = dot(a.row(p), a.row(q), n);
        if (std::fabs(z) <= 1e-16 * std::sqrt(x) * std::sqrt(y)) continue;
        rotated = true;
        const double t = std::atan2(2 * z, x - y) / 2, c = std::cos(t), s = std::sin(t);
        for (std::size_t i = 0; i < n; ++i) {
          const double u = a(p, i), v = a(q, i);
          a(p, i) = c * u + s * v;
          a(q, i) = c * v - s * u;
        }
      }
    }
    if (!rotated) break;
  }
  std::vector<double> values;
  for (std::size_t p = 0; p < a.rows(); ++p) values.push_back(std::sqrt(dot(a.row(p), a.row(p), n)));
  std::sort(values.rbegin(), values.rend());
  return values;
}

// Orthonormal rows that span the rows of a, by modified Gram-Schmidt, twice; rows that add less than `tolerance` of
// themselves are left out.
inline Matrix orthonormal_rows(const Matrix& a, double tolerance = 1e-10) {
  std::vector<std::vector<double>> basis;
  const std::size_t n = a.cols();
  for (std::size_t i = 0; i < a.rows(); ++i) {
    std::vector<double> row(a.row(i), a.row(i) + n);
    const double before = std::sqrt(dot(row.data(), row.data(), n));
    for (int pass = 0; pass < 2; ++pass) {
      for (const auto& b : basis) {
        const double c = dot(b.data(), row.data(), n);
        for (std::size_t k = 0; k < n; ++k) row[k] -= c * b[k];
      }
    }
    const double after = std::sqrt(dot(row.data(), row.data(), n));
    if (!(after > tolerance * before)) continue;
    for (double& x : row) x /= after;
    basis.push_back(row);
  }
  Matrix q(basis.size(), n);
  for (std::size_t i = 0; i < basis.size(); ++i) std::copy(basis[i].begin(), basis[i].end(), q.row(i));
  return q;
}

}  // namespace oracle
