// Merging for refits, held against least squares solved anew.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "kernels/error.h"
#include "kernels/merge_block.h"
#include "kernels/refit_span.h"
#include "merge_support.h"
#include "stored_blocks.h"

using namespace herm;
using oracle::random_matrix;

namespace {

constexpr double kRidge = 1e-9;

Matrix product(const Matrix& a, const Matrix& b, bool transposed) {
  const std::size_t cols = transposed ? b.rows() : b.cols();
  Matrix out(a.rows(), cols);
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j < cols; ++j)
      for (std::size_t c = 0; c < a.cols(); ++c) out(i, j) += a(i, c) * (transposed ? b(j, c) : b(c, j));
  return out;
}

// x with (a + ridge · diag a) x = b, by elimination.
Matrix solved(Matrix a, Matrix b) {
  const std::size_t k = a.rows();
  for (std::size_t i = 0; i < k; ++i) a(i, i) *= 1 + kRidge;
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t r = 0; r < k; ++r) {
      if (r == i) continue;
      const double factor = a(r, i) / a(i, i);
      for (std::size_t c = 0; c < k; ++c) a(r, c) -= factor * a(i, c);
      for (std::size_t c = 0; c < b.cols(); ++c) b(r, c) -= factor * b(i, c);
    }
  }
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t c = 0; c < b.cols(); ++c) b(i, c) /= a(i, i);
  return b;
}

// Functions as rows of values [k×N], and what f is: the outputs of all of them.
struct Functions {
  Matrix values, outputs;
  Functions(std::size_t k, std::size_t p, unsigned seed)
      : values(random_matrix(k, 3 * k, seed)), outputs(random_matrix(k, p, seed + 1)) {}
  Matrix kernel() const { return product(values, values, true); }
  Matrix targets() const { return product(kernel(), outputs, false); }
  RefitSpan span() const { return {Job(2), kernel(), targets(), kRidge}; }
};

// ‖f − refit‖² of a target function with the energy `whole`, by the functions `values`, whose targets are `targets`.
double captured(const Matrix& values, const Matrix& targets) {
  const Matrix c = solved(product(values, values, true), targets);
  double sum = 0;
  for (std::size_t i = 0; i < c.rows(); ++i)
    for (std::size_t o = 0; o < c.cols(); ++o) sum += c(i, o) * targets(i, o);
  return sum;
}

Matrix without(const Matrix& m, std::size_t a, std::size_t b) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < m.rows(); ++i)
    if (i != a && i != b) rows.push_back(i);
  Matrix out(rows.size(), m.cols());
  for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(m.row(rows[i]), m.cols(), out.row(i));
  return out;
}

Matrix with_row(const Matrix& m, const std::vector<double>& row) {
  Matrix out(m.rows() + 1, m.cols());
  std::copy_n(m.data(), m.rows() * m.cols(), out.data());
  std::copy_n(row.data(), m.cols(), out.row(m.rows()));
  return out;
}

MergeOptions for_refit() {
  MergeOptions options;
  options.refit = true;
  return options;
}

}  // namespace

TEST_CASE("what a refit loses without a neuron, or with one in place of two, is what solving anew says") {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    const Functions all(9, 4, seed);
    const RefitSpan span = all.span();
    const Matrix targets = all.targets();
    const double whole = captured(all.values, targets);
    CAPTURE(seed);
    for (std::size_t i = 0; i < 9; ++i) {
      const double loss = whole - captured(without(all.values, i, i), without(targets, i, i));
      CHECK(span.loss_without(i) == doctest::Approx(loss).epsilon(1e-6));
      const std::size_t j = (i + 1) % 9;
      CHECK(loss_on_child(span.remainder(i, j), 1) == doctest::Approx(loss).epsilon(1e-6));
      CHECK(loss_on_child(span.remainder(j, i), 0) == doctest::Approx(loss).epsilon(1e-6));
    }
    for (std::size_t b = 1; b < 9; ++b) {
      // A parent in its children's plane, for which the loss is no estimate.
      const std::array<double, 2> g{0.7, -0.2 * b};
      std::vector<double> parent(all.values.cols()), target(4);
      for (std::size_t t = 0; t < parent.size(); ++t) parent[t] = g[0] * all.values(0, t) + g[1] * all.values(b, t);
      for (std::size_t o = 0; o < 4; ++o) target[o] = g[0] * targets(0, o) + g[1] * targets(b, o);
      const Matrix kernel = all.kernel();
      const Sym2 phi{kernel(0, 0), kernel(0, b), kernel(b, b)};
      const std::array<double, 2> cross{g[0] * phi.a11 + g[1] * phi.a12, g[0] * phi.a12 + g[1] * phi.a22};
      const Remainder left = span.remainder(0, b);
      const double found = loss_on(left, phi, cross, quadratic(phi, g));
      const double loss =
          whole - captured(with_row(without(all.values, 0, b), parent), with_row(without(targets, 0, b), target));
      CHECK(found == doctest::Approx(loss).epsilon(1e-6));
      CHECK(found >= sigma2_squared(left.phi, left.output) * (1 - 1e-9));
    }
  }
}

TEST_CASE("after merges the span is that of the neurons that live") {
  for (const bool copies : {false, true}) {
    Functions all(8, 3, 7);
    if (copies) std::copy_n(all.values.row(0), all.values.cols(), all.values.row(5));
    RefitSpan span = all.span();
    Matrix values = all.values;
    Matrix targets = all.targets();
    std::vector<char> gone(8);
    for (const auto& [a, b] : {std::pair<std::size_t, std::size_t>{0, 5}, {2, 3}, {0, 7}}) {
      std::vector<double> parent(values.cols()), phi(8);
      for (std::size_t t = 0; t < parent.size(); ++t) parent[t] = values(a, t) + 0.5 * std::fabs(values(b, t));
      for (std::size_t q = 0; q < 8; ++q)
        if (!gone[q]) phi[q] = oracle::dot(parent.data(), values.row(q), parent.size());
      // What the refit so far says of the parent.
      for (std::size_t o = 0; o < 3; ++o) {
        double sum = 0;
        for (std::size_t q = 0; q < 8; ++q) sum += phi[q] * span.outputs()(q, o);
        targets(a, o) = sum;
      }
      span.merge(a, b, phi.data(), oracle::dot(parent.data(), parent.data(), parent.size()));
      std::copy(parent.begin(), parent.end(), values.row(a));
      gone[b] = 1;
      std::vector<std::size_t> living;
      for (std::size_t q = 0; q < 8; ++q)
        if (!gone[q]) living.push_back(q);
      Matrix kept(living.size(), values.cols()), wanted(living.size(), 3), one(living.size(), living.size());
      for (std::size_t i = 0; i < living.size(); ++i) {
        std::copy_n(values.row(living[i]), values.cols(), kept.row(i));
        std::copy_n(targets.row(living[i]), 3, wanted.row(i));
        one(i, i) = 1;
      }
      const Matrix kernel = product(kept, kept, true);
      const Matrix outputs = solved(kernel, wanted), inverse = solved(kernel, one);
      for (std::size_t i = 0; i < living.size(); ++i) {
        for (std::size_t o = 0; o < 3; ++o)
          CHECK(span.outputs()(living[i], o) == doctest::Approx(outputs(i, o)).epsilon(1e-5));
        for (std::size_t j = 0; j < living.size(); ++j)
          CHECK(std::fabs(span.inverse()(living[i], living[j]) - inverse(i, j)) <=
                1e-5 * std::sqrt(inverse(i, i) * inverse(j, j)));
      }
      for (std::size_t q = 0; q < 8; ++q) {
        CHECK(span.inverse()(b, q) == 0);
        CHECK(span.inverse()(q, b) == 0);
      }
    }
  }
}

TEST_CASE("a kernel that is not finite is refused, whether or not there are outputs") {
  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    for (const std::size_t p : {0U, 3U}) {
      Matrix phi = Functions(6, 3, 1).kernel();
      phi(4, 2) = phi(2, 4) = bad;
      CHECK_THROWS_AS(RefitSpan(Job(), phi, Matrix(6, p), kRidge), KernelError);
    }
  }
}

TEST_CASE("merging for refits gives a whole hierarchy, the same for every number of threads") {
  std::vector<float> values(60 * 6);
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal;
  for (float& x : values) x = 0.4F + normal(random);
  const InputSamples samples{{values.data(), 60, 6}, 0.2};
  const oracle::TestBlock plain(40, 6, 4, 9);
  const oracle::GatedTestBlock gated(40, 6, 4, 9);
  for (const InputSamples* seen : {static_cast<const InputSamples*>(nullptr), &samples}) {
    for (const Activation& phi : {Activation{ActivationKind::Relu}, Activation{ActivationKind::Tanh}}) {
      const auto merges = merge_block(Job(1), phi, stored(plain), for_refit(), seen).merges;
      oracle::check_forest(merges, 40);
      oracle::check_same(merges, merge_block(Job(3), phi, stored(plain), for_refit(), seen).merges);
    }
    const Activation silu{ActivationKind::Silu};
    const auto merges = merge_block(Job(1), silu, stored(gated), for_refit(), seen).merges;
    oracle::check_forest(merges, 40);
    oracle::check_same(merges, merge_block(Job(3), silu, stored(gated), for_refit(), seen).merges);
  }
}

TEST_CASE("merging for refits copes with zeros, copies, silent neurons and very few of them") {
  const Activation relu{ActivationKind::Relu};
  for (const std::size_t m : {1U, 2U, 3U}) {
    const oracle::TestBlock few(m, 4, 2, 1);
    oracle::check_forest(merge_block(Job(), relu, stored(few), for_refit()).merges, m);
  }
  for (int kind = 0; kind < 4; ++kind) {
    CAPTURE(kind);
    oracle::TestBlock block(12, 4, 3, 5);
    for (std::size_t i = 0; i < 12; ++i) {
      if (kind == 0) std::fill_n(block.input.row(i), 4, 0.0);
      if (kind == 1) std::fill_n(block.output.row(i), 3, 0.0);
      if (kind == 2) std::copy_n(block.input.row(i % 3), 4, block.input.row(i));
      if (kind == 2) block.bias[i] = block.bias[i % 3];
      if (kind == 3) {  // constants that are 0
        std::fill_n(block.input.row(i), 4, 0.0);
        block.bias[i] = -1;
      }
    }
    oracle::check_forest(merge_block(Job(), relu, stored(block), for_refit()).merges, 12);
  }
}
