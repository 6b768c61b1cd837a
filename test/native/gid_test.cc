#include "kernels/gid.h"

#include <doctest/doctest.h>

#include "kernels/error.h"
#include "oracle.h"

using namespace herm;
using oracle::diagonal;
using oracle::gram_of_rows;
using oracle::largest_difference;
using oracle::product;
using oracle::random_matrix;
using oracle::transpose;

namespace {

Gid gid_of(const Matrix& phi, const Matrix& h) { return gid(Job(2), phi.view(), h.view()); }

// Neurons whose functions are vectors: φ_k [g×N] and v_k [g×p], so T = Σ v_k⊗φ_k is the matrix Vᵀ φ [p×N].
struct Group {
  Matrix functions, outputs;

  Matrix phi() const { return gram_of_rows(functions); }
  Matrix h() const { return gram_of_rows(outputs); }
  Matrix total() const { return product(transpose(outputs), functions); }
};

Group random_group(std::size_t g, unsigned seed) {
  return {random_matrix(g, g + 4, seed), random_matrix(g, g + 3, seed + 1)};
}

double norm(const Matrix& a) { return std::sqrt(oracle::dot(a.data(), a.data(), a.rows() * a.cols())); }

// The properties that hold at every rank: gates are the singular values of T, generators are orthogonal with squared
// lengths σ on both sides, their terms add up to T, and both mixings are dual.
void check_gid(const Group& group, const Gid& result, double tolerance) {
  const std::size_t r = result.rank, g = group.functions.rows();
  const Matrix total = group.total();
  const double scale = norm(group.functions) * norm(group.outputs);  // rounding errors are shares of this
  const std::vector<double> expected = oracle::singular_values(total);
  for (std::size_t l = 0; l < g; ++l) {
    const double sigma = l < expected.size() ? expected[l] : 0;
    CHECK(std::fabs(result.gates[l] - sigma) <= tolerance * scale);
    CHECK((l < r) == (result.gates[l] > 0));
    if (l > 0) CHECK(result.gates[l] <= result.gates[l - 1]);
  }
  const Matrix psi = product(result.input_mixing, group.functions), a = product(result.output_mixing, group.outputs);
  const Matrix gates = diagonal({result.gates.begin(), result.gates.begin() + static_cast<std::ptrdiff_t>(r)});
  CHECK(largest_difference(gram_of_rows(psi), gates) <= tolerance * scale);
  CHECK(largest_difference(gram_of_rows(a), gates) <= tolerance * scale);
  if (r > 0) CHECK(largest_difference(product(transpose(a), psi), total) <= tolerance * scale);
  const Matrix dual = product(result.input_mixing, transpose(result.output_mixing));
  CHECK(largest_difference(dual, diagonal(std::vector<double>(r, 1.0))) <= tolerance);
  for (std::size_t l = 0; l < r; ++l) {
    std::size_t main = 0;
    for (std::size_t k = 0; k < g; ++k) {
      if (result.input_mixing(l, k) * result.output_mixing(l, k) >
          result.input_mixing(l, main) * result.output_mixing(l, main) + 1e-12)
        main = k;
    }
    CHECK(result.input_mixing(l, main) > 0);
    CHECK(result.output_mixing(l, main) > 0);
  }
}

void check_group(const Group& group, std::size_t rank, double tolerance = 1e-11) {
  const Gid result = gid_of(group.phi(), group.h());
  CHECK(result.rank == rank);
  check_gid(group, result, tolerance);
}

Matrix rows(std::initializer_list<std::initializer_list<double>> values) {
  Matrix a(values.size(), values.begin()->size());
  std::size_t i = 0;
  for (const auto& row : values) std::copy(row.begin(), row.end(), a.row(i++));
  return a;
}

Gid of_pair(const GidPair& pair) {
  Gid result{pair.rank, {pair.gates[0], pair.gates[1]}, Matrix(pair.rank, 2), Matrix(pair.rank, 2)};
  for (std::size_t l = 0; l < pair.rank; ++l) {
    std::copy_n(pair.input_mixing[l].data(), 2, result.input_mixing.row(l));
    std::copy_n(pair.output_mixing[l].data(), 2, result.output_mixing.row(l));
  }
  return result;
}

GidPair from_vectors(const Group& pair) {
  return gid_pair(factor_vectors(pair.functions.row(0), pair.functions.row(1), pair.functions.cols()),
                  factor_vectors(pair.outputs.row(0), pair.outputs.row(1), pair.outputs.cols()));
}

// Gates of pairs from their Φ and H.
std::vector<std::array<double, 2>> batched_gates(const std::vector<std::pair<Sym2, Sym2>>& pairs) {
  std::vector<std::array<double, 2>> result;
  for (std::size_t at = 0; at < pairs.size(); at += kPairBatch) {
    PairBatch batch;
    batch.size = std::min(kPairBatch, pairs.size() - at);
    for (std::size_t k = 0; k < batch.size; ++k) {
      const auto& [phi, h] = pairs[at + k];
      batch.in11[k] = phi.a11, batch.in12[k] = phi.a12, batch.in22[k] = phi.a22;
      batch.out11[k] = h.a11, batch.out12[k] = h.a12, batch.out22[k] = h.a22;
    }
    std::array<PairBatch::Row, 2> gates;
    pair_gates(batch, gates);
    for (std::size_t k = 0; k < batch.size; ++k) result.push_back({gates[0][k], gates[1][k]});
  }
  return result;
}

}  // namespace

TEST_CASE("GID of random groups diagonalises both sides, and its gates are the singular values of what they compute") {
  for (const std::size_t g : {1, 2, 3, 5, 8, 20}) {
    for (unsigned seed = 0; seed < 5; ++seed) check_group(random_group(g, 100 * seed + 7), g);
  }
  // More neurons than dimensions on either side.
  check_group({random_matrix(9, 4, 1), random_matrix(9, 6, 2)}, 4, 1e-10);
  check_group({random_matrix(9, 20, 3), random_matrix(9, 3, 4)}, 3, 1e-10);
}

TEST_CASE("GID of degenerate pairs and the groups around them") {
  const Matrix two = random_matrix(2, 6, 1), others = random_matrix(2, 5, 2);
  const auto parallel = [](Matrix a, double factor) {
    for (std::size_t c = 0; c < a.cols(); ++c) a(1, c) = factor * a(0, c);
    return a;
  };
  const auto without = [](Matrix a, std::size_t row) {
    std::fill_n(a.row(row), a.cols(), 0.0);
    return a;
  };
  for (const double factor : {1.0, 2.5, -0.3}) {
    check_group({parallel(two, factor), others}, 1);                         // parallel inputs
    check_group({two, parallel(others, factor)}, 1);                         // parallel outputs
    check_group({parallel(two, factor), parallel(others, factor)}, 1);       // both
    check_group({parallel(two, factor), parallel(others, -1 / factor)}, 0);  // they cancel
  }
  for (const std::size_t dead : {0, 1}) {
    check_group({without(two, dead), others}, 1);
    check_group({two, without(others, dead)}, 1);
    check_group({without(two, dead), without(others, 1 - dead)}, 0);
    check_group({without(two, dead), without(others, dead)}, 1);
  }
  check_group({Matrix(2, 6), others}, 0);
  check_group({Matrix(1, 6), Matrix(1, 2)}, 0);
  CHECK(gid_of(Matrix(), Matrix()).rank == 0);

  // The same inside a group of five: neuron 1 is a copy, neuron 3 cancels neuron 2, neuron 4 is dead.
  Group group{random_matrix(5, 9, 5), random_matrix(5, 8, 6)};
  for (std::size_t c = 0; c < 9; ++c) {
    group.functions(1, c) = 2 * group.functions(0, c);
    group.functions(3, c) = group.functions(2, c);
  }
  for (std::size_t c = 0; c < 8; ++c) {
    group.outputs(3, c) = -group.outputs(2, c);
    group.outputs(4, c) = 0;
  }
  check_group(group, 1, 1e-10);
}

TEST_CASE("GID: gates keep their digits however small the second one is") {
  // Parallel up to an angle, on both sides: σ_2 = sin a · sin b / σ_1.
  for (const double angle : {1e-2, 1e-4, 1e-6, 1e-7}) {
    const Group pair{rows({{1, 0}, {std::cos(angle), std::sin(angle)}}),
                     rows({{1, 0, 0}, {std::cos(angle), 0, std::sin(angle)}})};
    const GidPair result = from_vectors(pair);
    const double sum = 2 + 2 * std::cos(angle) * std::cos(angle), det = std::sin(angle) * std::sin(angle);
    const double sigma1 = std::sqrt((sum + std::sqrt(sum * sum - 4 * det * det)) / 2);
    CHECK(result.gates[0] == doctest::Approx(sigma1).epsilon(1e-15));
    CHECK(std::fabs(result.gates[1] / (det / sigma1) - 1) < 1e-8);  // the vectors themselves hold no more at 1e-7
    if (angle >= 1e-4) CHECK(std::fabs(result.gates[1] / (det / sigma1) - 1) < 1e-11);
    const auto gates = gid_gates(factor_gram({1, std::cos(angle), 1}), factor_gram({1, std::cos(angle), 1}));
    CHECK(std::fabs(gates[1] / (det / sigma1) - 1) < 1e-15 / det * 10);  // what 1 − cos² has left
    check_gid(pair, of_pair(result), 1e-13);
  }
  // Neurons of very different size: the small one is nearly the second generator.
  const Group pair{rows({{1, 0}, {1e-9, 3e-9}}), rows({{1, 0, 0}, {2e-9, 0, 1e-9}})};
  const GidPair result = from_vectors(pair);
  CHECK(result.gates[1] == doctest::Approx(3e-18).epsilon(1e-12));
  CHECK(result.input_mixing[1][0] * result.output_mixing[1][0] < 1e-15);
}

TEST_CASE("GID: rescaling neurons against their outputs changes neither gates nor generators") {
  for (const std::size_t g : {2, 4}) {
    const Group group = random_group(g, 31);
    const Matrix phi = group.phi(), h = group.h();
    const Gid reference = gid_of(phi, h);
    for (const auto& scales :
         {std::vector<double>{1e70, 1e-70, 1, 1e-30}, {1e150, 1e-150, 1e149, 1e-149}, {3, 0.1, 7, 1e-5}}) {
      Matrix scaled_phi = phi, scaled_h = h;
      for (std::size_t i = 0; i < g; ++i) {
        for (std::size_t j = 0; j < g; ++j) {
          scaled_phi(i, j) = phi(i, j) * scales[i] * scales[j];
          scaled_h(i, j) = h(i, j) / scales[i] / scales[j];
        }
      }
      const Gid result = gid_of(scaled_phi, scaled_h);
      REQUIRE(result.rank == g);
      for (std::size_t l = 0; l < g; ++l) {
        CHECK(result.gates[l] == doctest::Approx(reference.gates[l]).epsilon(1e-13));
        for (std::size_t k = 0; k < g; ++k) {
          CHECK(result.input_mixing(l, k) * scales[k] == doctest::Approx(reference.input_mixing(l, k)).epsilon(1e-11));
          CHECK(result.output_mixing(l, k) / scales[k] ==
                doctest::Approx(reference.output_mixing(l, k)).epsilon(1e-11));
        }
      }
    }
  }
}

TEST_CASE("GID of whole scales far from 1, and of denormal ones") {
  for (const double scale : {1e150, 1e-150, 1e-155}) {
    Group pair{rows({{3, 0}, {1, 2}}), rows({{1, 1}, {0, 2}})};
    const Gid reference = gid_of(pair.phi(), pair.h());
    for (double& x : {std::ref(pair.functions(0, 0)), std::ref(pair.functions(1, 0)), std::ref(pair.functions(1, 1))})
      x *= scale;
    const Gid result = gid_of(pair.phi(), pair.h());
    REQUIRE(result.rank == 2);
    // At 1e-155 the squares are denormal, and half of their digits are gone.
    for (std::size_t l = 0; l < 2; ++l)
      CHECK(result.gates[l] / scale == doctest::Approx(reference.gates[l]).epsilon(scale < 1e-151 ? 1e-5 : 1e-13));
  }
}

TEST_CASE("factors of a Gram matrix: exact rank, any scale") {
  const auto close = [](double a, double b) { return std::fabs(a - b) <= 4e-16 * std::fabs(b); };
  for (const double s : {1.0, 1e-150, 1e150, 1e-290, 1e290}) {
    const Factor2 r = factor_gram({4 * s, 2 * s, 10 * s});
    CHECK(close(r.a, 2 * std::sqrt(s)));
    CHECK(close(r.b, std::sqrt(s)));
    CHECK(close(r.c, 3 * std::sqrt(s)));
    const Factor2 parallel = factor_gram({4 * s, -6 * s, 9 * s});
    CHECK(close(parallel.b, -3 * std::sqrt(s)));
    CHECK(parallel.c == 0);
  }
  CHECK(factor_gram({0, 0, 4}).c == 2);
  CHECK(factor_gram({4, 0, 0}).c == 0);
  CHECK(factor_gram({1, 1 + 1e-15, 1}).c == 0);  // rounding may leave a negative determinant
  const double x[3] = {1, 2, 3}, y[3] = {1, 2, 3 + 3e-9}, minus[3] = {-2, -4, -6};
  CHECK(factor_vectors(x, y, 3).c == doctest::Approx(3e-9 * std::sqrt(5.0 / 14)).epsilon(1e-6));
  CHECK(factor_vectors(x, minus, 3).c == 0);
  CHECK(factor_vectors(x, minus, 3).b == doctest::Approx(-2 * std::sqrt(14.0)));
}

TEST_CASE("gates from Gram matrices are those from factors where trace and determinant lose digits") {
  const double near = std::cos(1e-5);
  for (const Sym2& phi : {Sym2{1, 0, 1},
                          {1, near, 1},
                          {1, -near, 1},
                          {1, 1, 1},
                          {4, 2, 3},
                          {1e150, 0, 1e-150},
                          {0, 0, 1},
                          {1e-200, 1e-201, 1e-200}}) {
    for (const Sym2& h : {Sym2{1, 0, 1},
                          {1, 1e-9, 1 + 1e-9},
                          {1, near, 1},
                          {1, -1, 1},
                          {2, 1, 5},
                          {1e-150, 0, 1e150},
                          {1, 0, 0},
                          {1e-200, 0, 1}}) {
      const auto expected = gid_gates(factor_gram(phi), factor_gram(h)), gates = batched_gates({{phi, h}})[0];
      for (const std::size_t l : {0, 1}) CHECK(std::fabs(gates[l] - expected[l]) <= 1e-12 * expected[l]);
    }
  }
}

TEST_CASE("batched gates agree with each pair's own GID") {
  const Group group{random_matrix(25, 12, 51), random_matrix(25, 9, 52)};
  Matrix phi = group.phi(), h = group.h();
  for (std::size_t j = 0; j < 25; ++j) phi(3, j) = phi(j, 3) = 0;  // a dead neuron
  std::vector<std::pair<Sym2, Sym2>> pairs;
  for (std::size_t i = 0; i < 25; ++i) {
    for (std::size_t j = i + 1; j < 25; ++j) {
      pairs.push_back({{phi(i, i), phi(i, j), phi(j, j)}, {h(i, i), h(i, j), h(j, j)}});
    }
  }
  const auto gates = batched_gates(pairs);
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const auto& [p, q] = pairs[k];
    const GidPair expected = gid_pair(factor_gram(p), factor_gram(q));
    for (const std::size_t l : {0, 1}) CHECK(std::fabs(gates[k][l] - expected.gates[l]) <= 1e-12 * expected.gates[l]);
    // The search's closed form, and its generator.
    CHECK(sigma2_squared(p, q) == doctest::Approx(expected.gates[1] * expected.gates[1]).epsilon(1e-12));
    CHECK(pair_energy(p, q) ==
          doctest::Approx(expected.gates[0] * expected.gates[0] + expected.gates[1] * expected.gates[1]));
    const auto e = dominant_mixture(p, q);
    const auto& m = expected.input_mixing[0];
    if (p.a11 > 0 && p.a22 > 0) CHECK(e[0] * m[1] == doctest::Approx(e[1] * m[0]).epsilon(1e-11));
  }
}

TEST_CASE("the gate spectrum of a layer: singular values, total energy, no dependence on threads") {
  const Group layer{random_matrix(150, 60, 61), random_matrix(150, 90, 62)};
  const Matrix phi = layer.phi(), h = layer.h();
  const auto gates = gate_spectrum(Job(1), phi.view(), h.view());
  CHECK(gates == gate_spectrum(Job(2), phi.view(), h.view()));
  const auto expected = oracle::singular_values(layer.total());
  REQUIRE(gates.size() == 150);
  for (std::size_t l = 0; l < 60; ++l) CHECK(gates[l] == doctest::Approx(expected[l]).epsilon(1e-10));
  for (std::size_t l = 60; l < 150; ++l) CHECK(gates[l] == 0);
}

TEST_CASE("GID refuses what is not finite, or not two square matrices of one size") {
  Matrix phi = rows({{1, 0}, {0, 1}});
  CHECK_THROWS_AS(gid_of(phi, Matrix(3, 3)), std::invalid_argument);
  phi(0, 1) = NAN;
  CHECK_THROWS_AS(gid_of(phi, rows({{1, 0}, {0, 1}})), KernelError);
}
