#include "kernels/tiled_cholesky.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/error.h"
#include "kernels/gram.h"
#include "oracle.h"

using namespace herm;
using oracle::largest_difference;
using oracle::random_matrix;

namespace {

// One tile, several of them, and several with a short last one.
constexpr std::size_t kSizes[] = {1, 2, 40, 512, 513, 768, 790};

// X Xᵀ/k + I, which no rounding makes singular.
Matrix positive(std::size_t k, unsigned seed) {
  const Matrix x = random_matrix(k, k, seed);
  Matrix a(k, k);
  gram(Job(), x.view(), a.view());
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j) a(i, j) = a(i, j) / static_cast<double>(k) + (i == j ? 1 : 0);
  return a;
}

Matrix lower_of(const Matrix& a) {
  Matrix out(a.rows(), a.cols());
  for (std::size_t i = 0; i < a.rows(); ++i) std::copy_n(a.row(i), i + 1, out.row(i));
  return out;
}

// The symmetric matrix of which only the lower triangle is given, times x.
Matrix symmetric_product(const Matrix& lower, const Matrix& x) {
  Matrix whole = lower_of(lower), out(x.rows(), x.cols());
  for (std::size_t i = 0; i < whole.rows(); ++i)
    for (std::size_t j = 0; j < i; ++j) whole(j, i) = whole(i, j);
  multiply(Job(), whole.view(), x.view(), out.view());
  return out;
}

bool same_bits(const Matrix& a, const Matrix& b) {
  return std::memcmp(a.data(), b.data(), a.rows() * a.cols() * sizeof(double)) == 0;
}

}  // namespace

TEST_CASE("tiled Cholesky factors, inverses and solutions are those of the matrix, for every number of threads") {
  for (const std::size_t k : kSizes) {
    CAPTURE(k);
    const Matrix a = positive(k, 3), x = random_matrix(k, 300, 5), right = symmetric_product(a, x);
    Matrix factor = a;
    REQUIRE(cholesky(Job(2), factor.view()));
    Matrix square(k, k), solution = right, inverse = factor;
    const Matrix lower = lower_of(factor);
    gram(Job(), lower.view(), square.view());
    CHECK(largest_difference(square, a) <= 1e-12);
    cholesky_solve(Job(2), factor.view(), solution.view());
    CHECK(largest_difference(solution, x) <= 1e-12);
    cholesky_inverse(Job(2), inverse.view());
    CHECK(largest_difference(symmetric_product(inverse, right), x) <= 1e-12);
    for (std::size_t i = 0; i < k; ++i) {
      CHECK(std::memcmp(&a.row(i)[i] + 1, &factor.row(i)[i] + 1, (k - i - 1) * sizeof(double)) == 0);
      CHECK(std::memcmp(&a.row(i)[i] + 1, &inverse.row(i)[i] + 1, (k - i - 1) * sizeof(double)) == 0);
    }
    for (const int threads : {1, 5}) {
      Matrix other = a, solved = right;
      REQUIRE(cholesky(Job(threads), other.view()));
      CHECK(same_bits(other, factor));
      cholesky_solve(Job(threads), other.view(), solved.view());
      CHECK(same_bits(solved, solution));
      cholesky_inverse(Job(threads), other.view());
      CHECK(same_bits(other, inverse));
    }
  }
}

TEST_CASE("a matrix has no Cholesky factor where a pivot is not positive, or no number, in any tile") {
  for (const std::size_t k : {std::size_t{40}, std::size_t{790}}) {
    const Matrix regular = positive(k, 7);
    for (const std::size_t i : {std::size_t{1}, k / 2, k - 1}) {
      for (const double bad : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        CAPTURE(k);
        CAPTURE(i);
        CAPTURE(bad);
        Matrix pivot = regular, beside = regular;
        pivot(i, i) = bad;
        CHECK_FALSE(cholesky(Job(), pivot.view()));
        beside(i, 0) = std::isfinite(bad) ? 1e200 : bad;
        CHECK_FALSE(cholesky(Job(), beside.view()));
      }
    }
  }
}

TEST_CASE("a factor with a pivot of 0 or of no number has no inverse") {
  for (const std::size_t k : {std::size_t{40}, std::size_t{790}}) {
    const Matrix regular = positive(k, 7);
    for (const double bad : {0.0, std::numeric_limits<double>::quiet_NaN()}) {
      Matrix factor = regular;
      factor(k - 1, k - 1) = bad;
      CHECK_THROWS_AS(cholesky_inverse(Job(), factor.view()), KernelError);
    }
  }
}

TEST_CASE("Cholesky factors, inverses and solutions stop when their job is aborted") {
  for (const std::size_t k : {std::size_t{40}, std::size_t{790}}) {
    std::int32_t control[2] = {1, 0};
    const Job aborted(2, control);
    Matrix a = positive(k, 9), right = random_matrix(k, 3, 2);
    CHECK_THROWS_AS(cholesky(aborted, a.view()), Aborted);
    REQUIRE(cholesky(Job(), a.view()));
    CHECK_THROWS_AS(cholesky_solve(aborted, a.view(), right.view()), Aborted);
    CHECK_THROWS_AS(cholesky_inverse(aborted, a.view()), Aborted);
  }
}
