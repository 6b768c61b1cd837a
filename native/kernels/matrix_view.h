// Dense row-major matrices: a view that borrows and an owner that allocates. Sizes are size_t and multiplied with
// overflow checks; nothing here knows about BLAS or JavaScript.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>
#include <stdexcept>
#include <vector>

namespace herm {

// a*b, or std::length_error where the product does not fit: the one place sizes are multiplied.
inline std::size_t checked_mul(std::size_t a, std::size_t b) {
  if (a != 0 && b > std::numeric_limits<std::size_t>::max() / a) throw std::length_error("matrix size overflows");
  return a * b;
}

// A borrowed matrix [rows×cols], row i at data + i*stride (stride >= cols).
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;

  MatrixView() = default;
  MatrixView(T* d, std::size_t r, std::size_t c) : data(d), rows(r), cols(c), stride(c) {}
  MatrixView(T* d, std::size_t r, std::size_t c, std::size_t s) : data(d), rows(r), cols(c), stride(s) {}
  // A view of mutable data is a view of constant data.
  operator MatrixView<const T>() const { return {data, rows, cols, stride}; }  // NOLINT(google-explicit-constructor)

  T* row(std::size_t i) const { return data + i * stride; }
  T& operator()(std::size_t i, std::size_t j) const { return data[i * stride + j]; }
  // Rows [begin, end) as a view.
  MatrixView rows_from(std::size_t begin, std::size_t end) const { return {row(begin), end - begin, cols, stride}; }
  MatrixView block(std::size_t begin, std::size_t end, std::size_t col, std::size_t col_end) const {
    return {row(begin) + col, end - begin, col_end - col, stride};
  }
};

using ConstMatrix = MatrixView<const double>;
using MutMatrix = MatrixView<double>;

// Zeros as the system gives them: large arrays are not written before they are used.
template <class T>
struct Zeroed {
  using value_type = T;

  T* allocate(std::size_t count) {
    void* zeros = std::calloc(count, sizeof(T));
    if (!zeros) throw std::bad_alloc();
    return static_cast<T*>(zeros);
  }
  void deallocate(T* values, std::size_t /*count*/) { std::free(values); }
  void construct(T* /*at*/) {}  // 0 as it is
  void construct(T* at, const T& value) { *at = value; }
  bool operator==(const Zeroed& /*other*/) const { return true; }
};

// An owned matrix of doubles [rows×cols], zero at first.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols), values_(checked_mul(rows, cols)) {}

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  double* data() { return values_.data(); }
  const double* data() const { return values_.data(); }
  double* row(std::size_t i) { return values_.data() + i * cols_; }
  const double* row(std::size_t i) const { return values_.data() + i * cols_; }
  double& operator()(std::size_t i, std::size_t j) { return values_[i * cols_ + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values_[i * cols_ + j]; }
  MutMatrix view() { return {values_.data(), rows_, cols_}; }
  ConstMatrix view() const { return {values_.data(), rows_, cols_}; }

 private:
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::vector<double, Zeroed<double>> values_;
};

}  // namespace herm
