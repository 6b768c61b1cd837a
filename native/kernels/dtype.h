// The four floating-point types of model files, read from and written to raw little-endian bytes of any alignment.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/matrix_view.h"

namespace herm {

enum class DType : int { F64 = 0, F32 = 1, F16 = 2, BF16 = 3 };

std::size_t dtype_bytes(DType dtype);

// values[i] = the i-th number of `bytes`, exactly (every value of every type is a double).
void widen(DType dtype, const void* bytes, std::size_t count, double* values);
// Rounds to nearest, ties to even; overflow gives infinity.
void narrow(DType dtype, const double* values, std::size_t count, void* bytes);

// A matrix as a model file stores it. Kernels see neurons as rows, so `transposed` says that the file has them as
// columns: a weight [rows×cols] whose neuron j is column j.
struct StoredMatrix {
  DType dtype = DType::F32;
  const void* bytes = nullptr;
  std::size_t rows = 0;  // as stored
  std::size_t cols = 0;  // as stored
  bool transposed = false;

  std::size_t neurons() const { return transposed ? cols : rows; }
  std::size_t width() const { return transposed ? rows : cols; }
};

// The matrix with neurons as rows, [neurons×width], in double.
Matrix load_neurons(const StoredMatrix& stored);
// Rows [begin, end) of it, into out [end−begin × width].
void load_neurons(const StoredMatrix& stored, std::size_t begin, std::size_t end, MutMatrix out);

}  // namespace herm
