#include "kernels/refit_span.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/blas.h"
#include "kernels/error.h"
#include "kernels/gram.h"
#include "kernels/ridge_factor.h"
#include "kernels/threads.h"
#include "kernels/tiled_cholesky.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 64;      // that a thread takes at a time
constexpr std::size_t kColumns = 256;  // of outputs
// The determinant of two neurons' part of P is at least the ridge's share of its bound; below this is rounding.
constexpr double kSingular = 1e-14;

double dot(const double* x, const double* y, std::size_t n) { return cblas_ddot(blas_dim(n, "width"), x, 1, y, 1); }

void add_to(double* y, double factor, const double* x, std::size_t n) {
  cblas_daxpy(blas_dim(n, "width"), factor, x, 1, y, 1);
}

}  // namespace

RefitSpan::RefitSpan(const Job& job, Matrix phi, Matrix targets, double ridge)
    : job_(job),
      ridge_(ridge),
      inverse_(std::move(phi)),
      outputs_(targets.rows(), targets.cols()),
      targets_(std::move(targets)) {
  const std::size_t k = size();
  const std::vector<double> scale = factorise(job_, inverse_, ridge_);
  cholesky_inverse(job_, inverse_.view());
  // In squares, for what is written down columns.
  parallel_for(job_, k, kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t from = 0; from < end; from += kRows)
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t j = from; j < std::min(from + kRows, i + 1); ++j)
          inverse_(i, j) = inverse_(j, i) = scale[i] * inverse_(i, j) * scale[j];
  });
  multiply(job_, inverse_.view(), targets_.view(), outputs_.view());
  parallel_for(job_, k, kRows, [&](std::size_t begin, std::size_t end) {
    const auto outputs = outputs_.view();
    if (std::all_of(outputs.row(begin), outputs.row(end), [](double x) { return std::isfinite(x); })) return;
    throw KernelError("NON_FINITE", "refitting overflows double precision");
  });
}

Remainder RefitSpan::remainder(std::size_t a, std::size_t b) const {
  const std::size_t p = outputs_.cols();
  const double *x = outputs_.row(a), *y = outputs_.row(b);
  return remainder(a, b, {dot(x, x, p), dot(x, y, p), dot(y, y, p)});
}

Remainder RefitSpan::remainder(std::size_t a, std::size_t b, const Sym2& outputs) const {
  const double p11 = inverse_(a, a), p12 = inverse_(a, b), p22 = inverse_(b, b);
  if (!(p11 > 0)) return {{0, 0, p22 > 0 ? 1 / p22 : 0}, outputs};
  if (!(p22 > 0)) return {{1 / p11, 0, 0}, outputs};
  const double det = std::max(p11 * p22 - p12 * p12, kSingular * p11 * p22);
  return {{p22 / det, -p12 / det, p11 / det}, outputs};
}

double RefitSpan::loss_without(std::size_t i) const {
  const double* c = outputs_.row(i);
  return inverse_(i, i) > 0 ? dot(c, c, outputs_.cols()) / inverse_(i, i) : 0;
}

void RefitSpan::merge(std::size_t a, std::size_t b, const double* phi, double phi_self) {
  double* target = targets_.row(a);
  std::fill_n(target, targets_.cols(), 0.0);
  add_outputs(target, phi, 1);
  remove(a);
  remove(b);
  std::fill_n(targets_.row(b), targets_.cols(), 0.0);
  add(a, phi, phi_self);
}

void RefitSpan::remove(std::size_t i) {
  const double own = inverse_(i, i);
  if (own > 0) {
    std::vector<double> q(inverse_.row(i), inverse_.row(i) + size());
    const std::vector<double> c(outputs_.row(i), outputs_.row(i) + outputs_.cols());
    parallel_for(job_, size(), kRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) add_to(outputs_.row(r), -q[r] / own, c.data(), c.size());
    });
    for (double& x : q) x /= std::sqrt(own);
    rank_one(q.data(), -1);
  }
  // What rounding leaves there.
  for (std::size_t r = 0; r < size(); ++r) inverse_(i, r) = inverse_(r, i) = 0;
  std::fill_n(outputs_.row(i), outputs_.cols(), 0.0);
}

void RefitSpan::add(std::size_t i, const double* phi, double phi_self) {
  if (!(phi_self > 0)) return;
  std::vector<double> q(size());
  parallel_for(job_, size(), kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) q[r] = dot(inverse_.row(r), phi, size());
  });
  const double own = std::max((1 + ridge_) * phi_self - dot(phi, q.data(), size()), ridge_ * phi_self);
  const double* target = targets_.row(i);
  std::vector<double> c(target, target + targets_.cols());
  add_outputs(c.data(), phi, -1);
  for (double& x : c) x /= own;
  parallel_for(job_, size(), kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) add_to(outputs_.row(r), -q[r], c.data(), c.size());
  });
  std::copy(c.begin(), c.end(), outputs_.row(i));
  q[i] = -1;
  for (double& x : q) x /= std::sqrt(own);
  rank_one(q.data(), 1);
}

void RefitSpan::add_outputs(double* to, const double* phi, double sign) const {
  parallel_for(job_, outputs_.cols(), kColumns, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < size(); ++r) add_to(to + begin, sign * phi[r], outputs_.row(r) + begin, end - begin);
  });
}

void RefitSpan::rank_one(const double* q, double sign) {
  parallel_for(job_, size(), kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r)
      if (q[r] != 0) add_to(inverse_.row(r), sign * q[r], q, size());
  });
}

}  // namespace herm
