#include "kernels/unit_rows.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "oracle.h"

using namespace herm;

namespace {

StoredMatrix stored(const Matrix& matrix) { return {DType::F64, matrix.data(), matrix.rows(), matrix.cols(), false}; }

UnitRows unit_rows(const Matrix& matrix, std::size_t capacity, int threads = 1, bool in_order = true) {
  std::vector<std::uint32_t> order(matrix.rows());
  std::iota(order.begin(), order.end(), 0);
  const Job job(threads);
  const RowReader reader(job, stored(matrix));
  return {job, reader, reader.norms(job), order, {capacity, in_order}};
}

constexpr double kDenormal = 1e-315;

}  // namespace

TEST_CASE("scaled copies correlate exactly, at every scale and width") {
  for (const std::size_t width : {1, 2, 15, 16, 17, 33, 300, 1024}) {
    CAPTURE(width);
    const Matrix random = oracle::random_matrix(40, width, 3);
    Matrix rows(80, width);
    for (std::size_t i = 0; i < 40; ++i) {
      // Powers of two keep the direction to the bit; other factors round it.
      const double scale = std::ldexp(i % 3 == 0 ? 1.0 : 1.7, static_cast<int>(i) * 40 - 800);
      for (std::size_t c = 0; c < width; ++c) {
        rows(i, c) = random(i, c);
        rows(40 + i, c) = (i % 2 == 0 ? 1 : -1) * scale * random(i, c);
      }
    }
    const UnitRows units = unit_rows(rows, 80, 2);
    for (std::size_t i = 0; i < 40; ++i) {
      const double correlation = units.correlation(i, 40 + i);
      CAPTURE(i);
      CHECK(std::fabs(correlation) <= 1);
      if (i % 3 == 0) {
        CHECK(correlation == (i % 2 == 0 ? 1 : -1));
      } else {
        CHECK(std::fabs(correlation) >= 1 - 1e-13);
        CHECK((correlation > 0) == (i % 2 == 0));
      }
      CHECK(units.correlation(i, i) == 1);
      CHECK(units.correlation(40 + i, i) == correlation);
    }
  }
}

TEST_CASE("rows of denormal and of huge numbers have directions, zero rows have none") {
  const double row[] = {3, -4, 0, 12};
  Matrix rows(5, 4);
  for (std::size_t c = 0; c < 4; ++c) {
    rows(0, c) = row[c];
    rows(1, c) = row[c] * kDenormal;
    rows(2, c) = row[c] * 1e300;
  }
  rows(4, 1) = std::numeric_limits<double>::denorm_min();
  const UnitRows units = unit_rows(rows, 5);
  CHECK(units.correlation(0, 1) == doctest::Approx(1).epsilon(1e-6));
  CHECK(units.correlation(0, 2) == 1);
  CHECK(units.correlation(0, 4) == doctest::Approx(-4.0 / 13));
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(units.correlation(i, 3) == 0);
    CHECK(units.correlation(3, i) == 0);
  }
  for (std::size_t c = 0; c < 4; ++c) CHECK(units.view()(3, c) == 0.0F);
}

TEST_CASE("a combination is the direction of its sum; nothing where it cancels; compacting keeps rows in order") {
  constexpr std::size_t width = 21;
  Matrix rows = oracle::random_matrix(6, width, 9);
  for (std::size_t c = 0; c < width; ++c) rows(5, c) = -2 * rows(4, c);
  UnitRows units = unit_rows(rows, 9);
  units.grow(3);
  units.combine(6, 0, 0.3, 1, -2);
  units.combine(7, 4, 1, 5, 1);  // opposite, to the bit
  units.combine(8, 2, 1e-20, 3, 0);
  std::vector<double> sum(width);
  for (std::size_t c = 0; c < width; ++c)
    sum[c] = 0.3 * rows(0, c) / std::sqrt(oracle::dot(rows.row(0), rows.row(0), width)) -
             2 * rows(1, c) / std::sqrt(oracle::dot(rows.row(1), rows.row(1), width));
  const double length = std::sqrt(oracle::dot(sum.data(), sum.data(), width));
  for (std::size_t c = 0; c < width; ++c)
    CHECK(static_cast<double>(units.view()(6, c)) == doctest::Approx(sum[c] / length).epsilon(1e-6).scale(1));
  CHECK(units.correlation(6, 7) == 0);
  CHECK(units.correlation(8, 2) == 1);

  const double between = units.correlation(6, 3);
  units.compact({3, 6, 8});
  CHECK(units.view().rows == 3);
  CHECK(units.correlation(1, 0) == between);
  CHECK(units.correlation(2, 0) == doctest::Approx(unit_rows(rows, 6).correlation(2, 3)));
}

TEST_CASE("a combination in the memory of its first row is the same") {
  constexpr std::size_t width = 35;
  const Matrix rows = oracle::random_matrix(7, width, 3);
  UnitRows ordered = unit_rows(rows, 10), in_place = unit_rows(rows, 10, 1, false);
  for (UnitRows* units : {&ordered, &in_place}) {
    units->grow(3);
    units->combine(7, 0, 0.6, 1, -0.8);
    units->combine(8, 5, 1e-9, 2, 1e-9);  // far from length 1
    units->combine(9, 4, -3e8, 6, 2e8);
    units->compact({3, 7, 8, 9});
  }
  for (std::size_t a = 0; a < 4; ++a)
    for (std::size_t b = 0; b < 4; ++b) CHECK(ordered.correlation(a, b) == in_place.correlation(a, b));
}

TEST_CASE("rows in another order, from columns of the file") {
  const Matrix rows = oracle::random_matrix(5, 7, 4), columns = oracle::transpose(rows);
  const StoredMatrix transposed{DType::F64, columns.data(), 7, 5, true};
  const std::vector<std::uint32_t> order{4, 0, 3, 1, 2};
  const Job job(2);
  const RowReader reader(job, transposed);
  const UnitRows units(job, reader, reader.norms(job), order, {5, true}), plain = unit_rows(rows, 5);
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t b = 0; b < 5; ++b) CHECK(units.correlation(a, b) == plain.correlation(order[a], order[b]));
}
