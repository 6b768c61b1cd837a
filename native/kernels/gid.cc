#include "kernels/gid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "kernels/decompose.h"
#include "kernels/gram.h"

namespace herm {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// A Gram matrix as 2^e_i C_ij 2^e_j with the diagonal of C in [1/2, 4): a neuron's scale has no say in the rank
// decision.
struct ScaledGram {
  std::vector<int> exponents;  // [g]; 0 for a zero neuron
  Matrix scaled;               // C [g×g]
};

// Neurons that are not `alive` become zero.
ScaledGram scale_gram(ConstMatrix gram, const std::vector<bool>& alive) {
  const std::size_t g = gram.rows;
  ScaledGram result{std::vector<int>(g), Matrix(g, g)};
  for (std::size_t i = 0; i < g; ++i) {
    if (alive[i]) result.exponents[i] = std::ilogb(gram(i, i)) / 2;
  }
  for (std::size_t i = 0; i < g; ++i) {
    for (std::size_t j = 0; j < g; ++j) {
      if (alive[i] && alive[j])
        result.scaled(i, j) = std::ldexp(gram(i, j), -result.exponents[i] - result.exponents[j]);
    }
  }
  return result;
}

void scale_columns(Matrix& a, const std::vector<int>& exponents) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) a(i, j) = std::ldexp(a(i, j), exponents[j]);
  }
}

// Factors F_Φ [rΦ×g] and F_H [rH×g] with Φ = F_ΦᵀF_Φ and H = F_HᵀF_H, for the neurons rescaled by φ_k → 2^e_k φ_k,
// v_k → 2^−e_k v_k to like lengths on both sides.
struct Factors {
  Matrix phi, h;
  std::vector<int> exponents;  // e [g]
  double noise = 0;            // what rounding leaves of a gate that is zero
};

// The largest absolute row sum of 2^s_i |C_ij| 2^s_j, which bounds the norm of the rescaled Gram matrix.
double row_sum_norm(const Matrix& scaled, const std::vector<int>& exponents) {
  double largest = 0;
  for (std::size_t i = 0; i < scaled.rows(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < scaled.cols(); ++j)
      sum += std::ldexp(std::fabs(scaled(i, j)), exponents[i] + exponents[j]);
    largest = std::max(largest, sum);
  }
  return largest;
}

Factors factor(const Job& job, ConstMatrix phi, ConstMatrix h) {
  const std::size_t g = phi.rows;
  if (h.rows != g || phi.cols != g || h.cols != g) {
    throw std::invalid_argument("the input and the output Gram matrix are not square and of one size");
  }
  require_finite(phi, "the input Gram matrix");
  require_finite(h, "the output Gram matrix");
  // A neuron with a zero side computes nothing.
  std::vector<bool> alive(g);
  for (std::size_t k = 0; k < g; ++k) alive[k] = phi(k, k) > 0 && h(k, k) > 0;
  const ScaledGram in = scale_gram(phi, alive), out = scale_gram(h, alive);
  Factors result{{}, {}, std::vector<int>(g)};
  std::vector<int> in_scale(g), out_scale(g);
  for (std::size_t k = 0; k < g; ++k) {
    result.exponents[k] = (out.exponents[k] - in.exponents[k]) / 2;
    in_scale[k] = in.exponents[k] + result.exponents[k];
    out_scale[k] = out.exponents[k] - result.exponents[k];
  }
  result.phi = semidefinite_factor(in.scaled.view());
  job.check();
  result.h = semidefinite_factor(out.scaled.view());
  job.check();
  scale_columns(result.phi, in_scale);
  scale_columns(result.h, out_scale);
  result.noise = static_cast<double>(g) * kEpsilon * std::sqrt(row_sum_norm(in.scaled, in_scale)) *
                 std::sqrt(row_sum_norm(out.scaled, out_scale));
  return result;
}

// The SVD of K = F_H F_Φᵀ [rH×rΦ]: T in orthonormal coordinates of both sides.
Svd core_svd(const Job& job, const Factors& factors, SvdVectors vectors) {
  Matrix core(factors.h.rows(), factors.phi.rows());
  cross_gram(job, factors.h.view(), factors.phi.view(), core.view());
  job.check();
  return svd(core.view(), vectors);
}

std::vector<double> gates_of(const Svd& core, std::size_t g, double noise, std::size_t& rank) {
  std::vector<double> gates(g);
  rank = 0;
  while (rank < core.values.size() && core.values[rank] > noise) {
    gates[rank] = core.values[rank];
    ++rank;
  }
  return gates;
}

Sym2 entries(ConstMatrix gram, std::size_t i, std::size_t j) { return {gram(i, i), gram(i, j), gram(j, j)}; }

// Signs: see Gid.
void fix_signs(Gid& result) {
  for (std::size_t l = 0; l < result.rank; ++l) {
    double *m = result.input_mixing.row(l), *n = result.output_mixing.row(l);
    const std::size_t g = result.input_mixing.cols();
    std::size_t main = 0;
    for (std::size_t k = 1; k < g; ++k) {
      if (m[k] * n[k] > m[main] * n[main]) main = k;
    }
    if (m[main] >= 0) continue;
    for (std::size_t k = 0; k < g; ++k) {
      m[k] = 0 - m[k];
      n[k] = 0 - n[k];
    }
  }
}

}  // namespace

Gid to_gid(const GidPair& pair) {
  Gid result{pair.rank, {pair.gates[0], pair.gates[1]}, Matrix(pair.rank, 2), Matrix(pair.rank, 2)};
  for (std::size_t l = 0; l < pair.rank; ++l) {
    std::copy_n(pair.input_mixing[l].data(), 2, result.input_mixing.row(l));
    std::copy_n(pair.output_mixing[l].data(), 2, result.output_mixing.row(l));
  }
  return result;
}

Gid gid(const Job& job, ConstMatrix phi, ConstMatrix h) {
  if (phi.rows == 2 && phi.cols == 2 && h.rows == 2 && h.cols == 2) {
    require_finite(phi, "the input Gram matrix");
    require_finite(h, "the output Gram matrix");
    return to_gid(gid_pair(factor_gram(entries(phi, 0, 1)), factor_gram(entries(h, 0, 1))));
  }
  const Factors factors = factor(job, phi, h);
  const Svd core = core_svd(job, factors, SvdVectors::Both);
  job.check();
  const std::size_t g = phi.rows;
  Gid result;
  result.gates = gates_of(core, g, factors.noise, result.rank);

  // Rows l of σ_l^-½ Yᵀ F_H and σ_l^-½ Xᵀ F_Φ.
  Matrix left(result.rank, factors.h.rows()), right(result.rank, factors.phi.rows());
  for (std::size_t l = 0; l < result.rank; ++l) {
    const double root = std::sqrt(result.gates[l]);
    for (std::size_t i = 0; i < left.cols(); ++i) left(l, i) = core.left(i, l) / root;
    for (std::size_t i = 0; i < right.cols(); ++i) right(l, i) = core.right(l, i) / root;
  }
  result.input_mixing = Matrix(result.rank, g);
  result.output_mixing = Matrix(result.rank, g);
  if (result.rank == 0) return result;
  multiply(job, left.view(), factors.h.view(), result.input_mixing.view());
  multiply(job, right.view(), factors.phi.view(), result.output_mixing.view());
  fix_signs(result);
  std::vector<int> back(factors.exponents);
  scale_columns(result.input_mixing, back);
  for (int& e : back) e = -e;
  scale_columns(result.output_mixing, back);
  return result;
}

std::vector<double> gate_spectrum(const Job& job, ConstMatrix phi, ConstMatrix h) {
  const Factors factors = factor(job, phi, h);
  std::size_t rank = 0;
  return gates_of(core_svd(job, factors, SvdVectors::None), phi.rows, factors.noise, rank);
}

void pair_gates(const PairBatch& pairs, std::array<PairBatch::Row, 2>& gates) {
  batch_gates(pairs, gates);
  for (std::size_t k = 0; k < pairs.size; ++k) {
    if (!std::isnan(gates[0][k])) continue;
    const auto pair = gid_gates(factor_gram(pairs.input(k)), factor_gram(pairs.output(k)));
    for (std::size_t l = 0; l < 2; ++l) gates[l][k] = pair[l];
  }
}

}  // namespace herm
