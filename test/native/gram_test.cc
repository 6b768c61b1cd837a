#include "kernels/gram.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/large_array.h"
#include "oracle.h"

using namespace herm;

namespace {

bool same_bits(const Matrix& a, const Matrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), a.rows() * a.cols() * sizeof(double)) == 0;
}

Matrix nan_matrix(std::size_t rows, std::size_t cols) {
  Matrix m(rows, cols);
  std::fill_n(m.data(), rows * cols, std::numeric_limits<double>::quiet_NaN());
  return m;
}

// Every entry is compared: what BLAS left untouched would still be NaN.
void check_close(const Matrix& actual, const Matrix& expected, double scale) {
  double worst = 0;
  for (std::size_t i = 0; i < actual.rows() * actual.cols(); ++i) {
    const double difference = std::fabs(actual.data()[i] - expected.data()[i]);
    worst = difference <= worst ? worst : difference;  // a NaN stays
  }
  CHECK(worst <= 1e-14 * scale);
}

}  // namespace

TEST_CASE("gram agrees with a naive loop around the size of a tile, and is symmetric to the bit") {
  for (const std::size_t m : {1u, 2u, 255u, 256u, 257u, 513u}) {
    for (const std::size_t n : {1u, 7u}) {
      const Matrix a = oracle::random_matrix(m, n, 17);
      Matrix g = nan_matrix(m, m);
      gram(Job(), a.view(), g.view());
      CAPTURE(m);
      check_close(g, oracle::gram_of_rows(a), 30.0 * static_cast<double>(n));
      CHECK(same_bits(g, oracle::transpose(g)));
    }
  }
}

TEST_CASE("matrices larger than caches are mirrored and transposed, wherever they lie") {
  constexpr std::size_t m = 1030, stride = 1040;  // whole cache lines a row, or one number further
  LargeArray a(m * 3), square(m * stride + 1), turned(m * stride + 1);
  for (std::size_t i = 0; i < m * 3; ++i) a.data()[i] = static_cast<float>(i % 97) - 48;
  for (const std::size_t shift : {0u, 1u}) {
    const MatrixView<float> g(square.data() + shift, m, m, stride), t(turned.data() + shift, m, m, stride);
    std::fill_n(square.data(), m * stride + 1, -1e9F);
    gram(Job(2), MatrixView<const float>(a.data(), m, 3), g);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < m; ++j) {
        float sum = 0;  // of whole numbers: exact
        for (std::size_t c = 0; c < 3; ++c) sum += a.data()[i * 3 + c] * a.data()[j * 3 + c];
        wrong += g(i, j) != sum;
        g(i, j) = static_cast<float>(i * stride + j);
      }
    }
    CHECK(wrong == 0);
    transpose(Job(2), MatrixView<const float>(g.data, m, m, stride), t);
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < m; ++j) wrong += t(j, i) != g(i, j);
    CHECK(wrong == 0);
    CHECK(square.data()[shift + m] == -1e9F);  // beyond a row
  }
}

TEST_CASE("cross_gram and multiply agree with naive loops around the size of a tile") {
  for (const std::size_t m : {1u, 255u, 257u}) {
    for (const std::size_t k : {1u, 256u, 258u}) {
      const Matrix a = oracle::random_matrix(m, 11, 1), b = oracle::random_matrix(k, 11, 2);
      const Matrix c = oracle::random_matrix(m, k, 3), d = oracle::random_matrix(k, 5, 4);
      Matrix cross = nan_matrix(m, k), product = nan_matrix(m, 5);
      cross_gram(Job(), a.view(), b.view(), cross.view());
      multiply(Job(), c.view(), d.view(), product.view());
      check_close(cross, oracle::product(a, oracle::transpose(b)), 300);
      check_close(product, oracle::product(c, d), 5000);
    }
  }
}

TEST_CASE("views with a stride are read and written where they point, and nowhere else") {
  const Matrix whole = oracle::random_matrix(300, 20, 5);
  Matrix copy(300, 6);
  for (std::size_t i = 0; i < 300; ++i) std::copy_n(whole.row(i) + 9, 6, copy.row(i));
  Matrix into = nan_matrix(300, 310), expected(300, 300);
  const MutMatrix window{into.data() + 4, 300, 300, 310};
  gram(Job(), {whole.data() + 9, 300, 6, 20}, window);
  gram(Job(), copy.view(), expected.view());
  for (std::size_t i = 0; i < 300; ++i) {
    CHECK(std::isnan(into(i, 3)));
    CHECK(std::isnan(into(i, 304)));
    for (std::size_t j = 0; j < 300; ++j) REQUIRE(std::fabs(window(i, j) - expected(i, j)) <= 1e-13);
  }
}

TEST_CASE("empty dimensions give empty or zero products") {
  for (const std::size_t m : {0u, 1u, 300u}) {
    Matrix g = nan_matrix(m, m), product = nan_matrix(m, 3), none = nan_matrix(m, 0), cross = nan_matrix(m, 4);
    gram(Job(), Matrix(m, 0).view(), g.view());
    multiply(Job(), Matrix(m, 0).view(), Matrix(0, 3).view(), product.view());
    multiply(Job(), oracle::random_matrix(m, 2, 1).view(), Matrix(2, 0).view(), none.view());
    cross_gram(Job(), Matrix(m, 0).view(), Matrix(4, 0).view(), cross.view());
    for (const Matrix* zero : {&g, &product, &cross}) {
      for (std::size_t i = 0; i < zero->rows() * zero->cols(); ++i) REQUIRE(zero->data()[i] == 0);
    }
  }
}

TEST_CASE("products have the same bits for every number of threads") {
  const Matrix a = oracle::random_matrix(700, 33, 8), b = oracle::random_matrix(520, 33, 9),
               c = oracle::random_matrix(33, 40, 10);
  Matrix g(700, 700), x(700, 520), y(700, 40);
  gram(Job(1), a.view(), g.view());
  cross_gram(Job(1), a.view(), b.view(), x.view());
  multiply(Job(1), a.view(), c.view(), y.view());
  for (const int threads : {2, 3, 8}) {
    Matrix g2(700, 700), x2(700, 520), y2(700, 40);
    gram(Job(threads), a.view(), g2.view());
    cross_gram(Job(threads), a.view(), b.view(), x2.view());
    multiply(Job(threads), a.view(), c.view(), y2.view());
    CHECK(same_bits(g, g2));
    CHECK(same_bits(x, x2));
    CHECK(same_bits(y, y2));
  }
}

TEST_CASE("sizes that do not fit are refused") {
  CHECK_THROWS_AS(checked_mul(std::numeric_limits<std::size_t>::max() / 2, 3), std::length_error);
  CHECK(checked_mul(0, std::numeric_limits<std::size_t>::max()) == 0);
  double value = 0;
  const std::size_t huge = std::size_t{1} << 31;
  // The stride alone is too large: nothing is read.
  CHECK_THROWS_AS(gram(Job(), {&value, 1, 1, huge}, MutMatrix{&value, 1, 1, 1}), std::length_error);
}
