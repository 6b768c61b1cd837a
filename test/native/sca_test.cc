#include "kernels/sca.h"

#include <doctest/doctest.h>

#include <numeric>

#include "kernels/error.h"
#include "kernels/sca_pair.h"
#include "oracle.h"

using namespace herm;
using oracle::random_matrix;

namespace {

constexpr double kHalfPi = 1.5707963267948966;

Sca sca_of(const Matrix& z, std::size_t inputs, int threads = 1) { return sca(Job(threads), z.view(), inputs); }

// Everything that holds of every SCA: theorem 1, order, signs, and that the components span the neurons.
void check_structure(const Matrix& z, std::size_t inputs, const Sca& result) {
  const std::size_t d = z.cols();
  REQUIRE(result.basis.rows() == result.rank);
  REQUIRE(result.shares.size() == result.rank);
  const std::vector<double> ones(result.rank, 1.0);
  CHECK(oracle::largest_difference(oracle::gram_of_rows(result.basis), oracle::diagonal(ones)) < 1e-13);
  CHECK(oracle::largest_difference(oracle::gram_of_rows(result.basis, 0, inputs), oracle::diagonal(result.shares)) <
        1e-13);
  for (std::size_t k = 0; k < result.rank; ++k) {
    CHECK(std::pow(std::cos(result.angles[k]), 2) == doctest::Approx(result.shares[k]).epsilon(1e-13));
    const double* row = result.basis.row(k);
    CHECK(*std::max_element(row, row + d) >= -*std::min_element(row, row + d));
    if (k > 0) CHECK(result.angles[k] >= result.angles[k - 1]);
    if (k > 0) CHECK(result.shares[k] <= result.shares[k - 1] + 1e-15);
  }
  for (std::size_t i = 0; i < z.rows(); ++i) {
    double scale = 0;
    for (std::size_t c = 0; c < d; ++c) scale = std::max(scale, std::fabs(z(i, c)));
    for (std::size_t c = 0; c < d; ++c) {
      double sum = 0;
      for (std::size_t k = 0; k < result.rank; ++k) sum += result.coordinates(i, k) * result.basis(k, c);
      CHECK(std::fabs(sum - z(i, c)) <= 1e-12 * scale);
    }
  }
}

// arccos of the singular values of the input part of an orthonormal basis, by another route than the kernel's.
void check_shares(const Matrix& z, std::size_t inputs, const Sca& result) {
  const Matrix q = oracle::orthonormal_rows(z);
  REQUIRE(result.rank == q.rows());
  Matrix input(q.rows(), std::max(inputs, q.rows()));
  for (std::size_t i = 0; i < q.rows(); ++i) std::copy_n(q.row(i), inputs, input.row(i));
  const std::vector<double> c = oracle::singular_values(input);
  for (std::size_t k = 0; k < result.rank; ++k) CHECK(result.shares[k] == doctest::Approx(c[k] * c[k]).epsilon(1e-12));
}

void set_row(Matrix& z, std::size_t i, const std::vector<double>& values) {
  std::copy(values.begin(), values.end(), z.row(i));
}

}  // namespace

TEST_CASE("SCA of random groups of any shape agrees with Gram-Schmidt and Jacobi") {
  struct Shape {
    std::size_t g, inputs, outputs;
  };
  for (const auto& [g, inputs, outputs] :
       {Shape{1, 3, 4}, {2, 5, 3}, {2, 1, 1}, {3, 2, 8}, {5, 9, 2}, {7, 4, 4}, {12, 3, 2}, {40, 30, 20}}) {
    CAPTURE(g);
    const Matrix z = random_matrix(g, inputs + outputs, static_cast<unsigned>(g));
    const Sca result = sca_of(z, inputs);
    check_structure(z, inputs, result);
    check_shares(z, inputs, result);
  }
}

TEST_CASE("SCA where the input or the output space is empty") {
  const Matrix z = random_matrix(3, 5, 1);
  const Sca all_input = sca_of(z, 5), all_output = sca_of(z, 0);
  check_structure(z, 5, all_input);
  check_structure(z, 0, all_output);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(all_input.shares[k] == 1);
    CHECK(all_input.angles[k] == 0);
    CHECK(all_output.shares[k] == 0);
    CHECK(all_output.angles[k] == doctest::Approx(kHalfPi));
  }
}

TEST_CASE("SCA of a group does not depend on the number of threads") {
  const Matrix z = random_matrix(300, 400, 4);
  const Sca one = sca_of(z, 280, 1), two = sca_of(z, 280, 2);
  CHECK(one.rank == 300);
  CHECK(one.shares == two.shares);
  CHECK(oracle::largest_difference(one.basis, two.basis) == 0);
}

TEST_CASE("SCA of degenerate pairs and groups has the rank of what they span") {
  const std::vector<double> w{1, 2, -1, 0.5, 3};
  SUBCASE("zero neurons span nothing") {
    for (const std::size_t g : {0, 1, 2, 4}) CHECK(sca_of(Matrix(g, 5), 3).rank == 0);
  }
  SUBCASE("a zero neuron adds nothing") {
    for (const std::size_t zero : {0, 1}) {
      Matrix z(2, 5);
      set_row(z, 1 - zero, w);
      const Sca result = sca_of(z, 3);
      CHECK(result.rank == 1);
      check_structure(z, 3, result);
      CHECK(result.shares[0] == doctest::Approx(6.0 / 15.25));
      CHECK(result.coordinates(zero, 0) == 0);
    }
  }
  SUBCASE("duplicates, scaled and opposite") {
    for (const double factor : {1.0, 3.0, -1.0, -1e-8}) {
      for (const std::size_t g : {2, 5}) {
        Matrix z(g, 5);
        for (std::size_t i = 0; i < g; ++i) {
          for (std::size_t c = 0; c < 5; ++c) z(i, c) = w[c] * (i % 2 == 0 ? 1 : factor);
        }
        const Sca result = sca_of(z, 3);
        CHECK(result.rank == 1);
        check_structure(z, 3, result);
        check_shares(z, 3, result);
      }
    }
  }
  SUBCASE("parallel inputs: one component lies in the output space") {
    Matrix z(2, 5);
    set_row(z, 0, {1, 2, -1, 0.5, 3});
    set_row(z, 1, {2, 4, -2, 3, -1});
    const Sca result = sca_of(z, 3);
    CHECK(result.rank == 2);
    check_structure(z, 3, result);
    CHECK(result.shares[1] < 1e-30);
    CHECK(result.angles[1] == doctest::Approx(kHalfPi).epsilon(1e-15));
  }
  SUBCASE("parallel outputs: one component lies in the input space") {
    Matrix z(2, 5);
    set_row(z, 0, {1, 2, -1, 0.5, 3});
    set_row(z, 1, {1, 1, 1, -1, -6});
    const Sca result = sca_of(z, 3);
    CHECK(result.rank == 2);
    check_structure(z, 3, result);
    CHECK(result.angles[0] < 1e-15);
  }
  SUBCASE("a group of 9 in a plane, and one in 4 dimensions of 6") {
    for (const std::size_t rank : {2, 4}) {
      const Matrix z = oracle::product(random_matrix(9, rank, 5), random_matrix(rank, 6, 6));
      const Sca result = sca_of(z, 4);
      CHECK(result.rank == rank);
      check_structure(z, 4, result);
      check_shares(z, 4, result);
    }
  }
}

TEST_CASE("SCA: a neuron's scale changes neither the span nor the rank") {
  for (const std::size_t g : {2, 4}) {
    const Matrix z = random_matrix(g, 8, 11);
    const Sca reference = sca_of(z, 5);
    for (const auto& scales :
         {std::vector<double>{1e150, 1e-150, 1, 1e100}, {1e-307, 1, 1e-300, 1e300}, {0x1p-1060, 0x1p1000, 2, 1}}) {
      Matrix scaled = z;
      for (std::size_t i = 0; i < g; ++i) {
        for (std::size_t c = 0; c < 8; ++c) scaled(i, c) *= scales[i];
      }
      const Sca result = sca_of(scaled, 5);
      REQUIRE(result.rank == g);
      const bool denormal = scales[0] < 1e-310;  // a few bits are left of such weights
      for (std::size_t k = 0; k < g; ++k) {
        CHECK(result.shares[k] == doctest::Approx(reference.shares[k]).epsilon(denormal ? 1e-2 : 1e-12));
      }
      if (!denormal) check_structure(scaled, 5, result);
    }
  }
}

TEST_CASE("SCA: small angles keep their digits, which their cosines have lost") {
  // Orthonormal neurons at known angles to the input space, mixed.
  const std::vector<double> angles{1e-12, 3e-9, 0.7, kHalfPi - 1e-9};
  for (const std::size_t g : {2, 4}) {
    Matrix components(g, 12);
    for (std::size_t k = 0; k < g; ++k) {
      components(k, k) = std::cos(angles[k]);
      components(k, 6 + k) = std::sin(angles[k]);
    }
    const Matrix z = oracle::product(random_matrix(g, g, 3), components);
    const Sca result = sca_of(z, 6);
    for (std::size_t k = 0; k < g; ++k) CHECK(std::fabs(result.angles[k] - angles[k]) < 1e-14);
  }
}

TEST_CASE("SCA of the same span from another basis is the same, up to signs") {
  for (const std::size_t g : {2, 5}) {
    const Matrix z = random_matrix(g, 9, 21), other = oracle::product(random_matrix(g, g, 22), z);
    const Sca a = sca_of(z, 4), b = sca_of(other, 4);
    for (std::size_t k = 0; k < g; ++k) {
      CHECK(a.shares[k] == doctest::Approx(b.shares[k]).epsilon(1e-11));
      for (std::size_t c = 0; c < 9; ++c) CHECK(a.basis(k, c) == doctest::Approx(b.basis(k, c)).epsilon(1e-9));
    }
  }
}

TEST_CASE("SCA refuses weights that are not finite") {
  Matrix z = random_matrix(2, 4, 1);
  z(1, 2) = NAN;
  CHECK_THROWS_AS(sca_of(z, 2), KernelError);
  z(1, 2) = INFINITY;
  CHECK_THROWS_AS(sca_of(z, 2), KernelError);
}

TEST_CASE("batched pairs agree with each pair's own SCA, from Gram matrices and from few dot products") {
  const std::size_t m = 30, inputs = 7;
  Matrix z = random_matrix(m, 12, 31);
  for (std::size_t c = 0; c < 12; ++c) {
    z(1, c) = 0;                                    // zero neuron
    z(2, c) = z(0, c) * -2;                         // opposite
    z(3, c) = c < inputs ? z(0, c) : z(3, c);       // parallel inputs
    z(4, c) = c < inputs ? z(4, c) : z(0, c);       // parallel outputs
    z(5, c) = z(0, c) * (1 + (c == 3 ? 1e-7 : 0));  // nearly parallel
    z(6, c) = c < inputs ? z(6, c) : 0;             // no outputs
    z(7, c) = c < inputs ? 0 : z(7, c);             // no inputs
    z(8, c) *= 1e150;
    z(9, c) *= 1e-170;
    z(10, c) *= c < inputs ? 1e-12 : 1;
  }
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 0; i < m; ++i) {
    for (std::uint32_t j = 0; j < m; ++j) all.insert(all.end(), {i, j});
  }
  const std::size_t few = 20;
  for (const std::size_t count : {all.size() / 2, few}) {
    std::vector<double> shares(2 * count), angles(2 * count);
    Matrix scratch = z;
    sca_pairs(Job(2), scratch.view(), inputs, all.data(), count, shares.data(), angles.data());
    for (std::size_t k = 0; k < count; ++k) {
      CAPTURE(all[2 * k]);
      CAPTURE(all[2 * k + 1]);
      Matrix pair(2, 12);
      std::copy_n(z.row(all[2 * k]), 12, pair.row(0));
      std::copy_n(z.row(all[2 * k + 1]), 12, pair.row(1));
      const Sca expected = sca_of(pair, inputs);
      for (std::size_t l = 0; l < 2; ++l) {
        if (l >= expected.rank) {
          CHECK(std::isnan(shares[2 * k + l]));
          CHECK(std::isnan(angles[2 * k + l]));
        } else {
          CHECK(std::fabs(shares[2 * k + l] - expected.shares[l]) < 1e-12);
          CHECK(std::fabs(angles[2 * k + l] - expected.angles[l]) < 1e-11);
        }
      }
    }
  }
}

TEST_CASE("batched pairs: an index beyond the neurons is refused") {
  Matrix z = random_matrix(3, 4, 1);
  const std::uint32_t pair[2] = {0, 3};
  double out[4];
  CHECK_THROWS_AS(sca_pairs(Job(), z.view(), 2, pair, 1, out, out + 2), std::invalid_argument);
}

TEST_CASE("batched pairs: neither the order of the list nor the number of threads changes a bit") {
  const std::size_t m = 450, inputs = 7, width = 12;
  const Matrix z = random_matrix(m, width, 41);
  std::vector<std::uint32_t> pairs;
  for (std::uint32_t i = 0; i < m; ++i) {
    for (std::uint32_t j = i; j < m; j += 3) pairs.insert(pairs.end(), {i, j});
  }
  const std::size_t count = pairs.size() / 2;
  const auto run = [&](const std::vector<std::uint32_t>& list, int threads) {
    Matrix scratch = z;
    std::vector<double> values(2 * list.size());
    sca_pairs(Job(threads), scratch.view(), inputs, list.data(), count, values.data(), values.data() + list.size());
    return values;
  };
  const auto reference = run(pairs, 1);
  const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  const auto threaded = run(pairs, 3);
  CHECK(std::equal(reference.begin(), reference.end(), threaded.begin(), same));

  // Pair k moved to place 1009 k, round and round.
  const auto place = [count](std::size_t k) { return (1009 * k) % count; };
  REQUIRE(std::gcd(count, std::size_t{1009}) == 1);
  std::vector<std::uint32_t> moved(pairs.size());
  for (std::size_t k = 0; k < count; ++k) std::copy_n(&pairs[2 * k], 2, &moved[2 * place(k)]);
  const auto values = run(moved, 2);
  bool equal = true;
  for (std::size_t k = 0; k < 2 * count; ++k) {
    const std::size_t at = 2 * place(k / 2) + k % 2;
    equal = equal && same(values[at], reference[k]) && same(values[2 * count + at], reference[2 * count + k]);
  }
  CHECK(equal);
}
