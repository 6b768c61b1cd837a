#include "kernels/dtype.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/row_loops.h"

namespace herm {

static_assert(std::endian::native == std::endian::little,
              "model files are little-endian, and so is every supported CPU");

namespace {

template <class T>
T load(const void* bytes, std::size_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(bytes) + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void store(void* bytes, std::size_t i, T value) {
  std::memcpy(static_cast<char*>(bytes) + i * sizeof(T), &value, sizeof(T));
}

double half_to_double(std::uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const double mantissa = half & 1023;
  double magnitude;
  if (exponent == 0) {
    magnitude = std::ldexp(mantissa, -24);
  } else if (exponent == 31) {
    magnitude = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else {
    magnitude = std::ldexp(mantissa + 1024, exponent - 25);
  }
  return half & 0x8000 ? -magnitude : magnitude;
}

// Rounds a double to a sign-magnitude format of 16 bits, `mantissa_bits` of them mantissa, straight from the double:
// going through float would round twice.
std::uint16_t round_to_16(double value, int mantissa_bits, int min_exponent, std::uint16_t infinity) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | infinity | (1u << (mantissa_bits - 1)));
  if (std::isinf(value)) return static_cast<std::uint16_t>(sign | infinity);
  if (magnitude == 0) return sign;
  const int exponent = std::max(std::ilogb(magnitude), min_exponent);
  // In units of the last place; a carry into the next binade is right as it stands in the bit pattern.
  const double units = std::nearbyint(std::ldexp(magnitude, mantissa_bits - exponent));
  const auto biased = static_cast<std::uint32_t>(exponent - min_exponent);
  const auto bits = static_cast<std::uint32_t>(units) + (biased << mantissa_bits);
  return static_cast<std::uint16_t>(sign | std::min<std::uint32_t>(bits, infinity));
}

}  // namespace

std::size_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::F64:
      return 8;
    case DType::F32:
      return 4;
    default:
      return 2;
  }
}

void widen(DType dtype, const void* bytes, std::size_t count, double* values) {
  if (count == 0) return;  // memcpy must not see null pointers, whatever the count
  switch (dtype) {
    case DType::F64:
      std::memcpy(values, bytes, count * 8);
      break;
    case DType::F32:
      widen_floats(bytes, count, values);
      break;
    case DType::F16:
      for (std::size_t i = 0; i < count; ++i) values[i] = half_to_double(load<std::uint16_t>(bytes, i));
      break;
    case DType::BF16:
      for (std::size_t i = 0; i < count; ++i) {
        values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(bytes, i)) << 16);
      }
      break;
  }
}

void narrow(DType dtype, const double* values, std::size_t count, void* bytes) {
  if (count == 0) return;
  switch (dtype) {
    case DType::F64:
      std::memcpy(bytes, values, count * 8);
      break;
    case DType::F32:
      for (std::size_t i = 0; i < count; ++i) store(bytes, i, static_cast<float>(values[i]));
      break;
    case DType::F16:
      for (std::size_t i = 0; i < count; ++i) store(bytes, i, round_to_16(values[i], 10, -14, 0x7c00));
      break;
    case DType::BF16:
      for (std::size_t i = 0; i < count; ++i) store(bytes, i, round_to_16(values[i], 7, -126, 0x7f80));
      break;
  }
}

Matrix load_neurons(const StoredMatrix& stored) {
  constexpr std::size_t kRows = 128;  // a cache line of each is written at a time
  Matrix neurons(stored.neurons(), stored.width());
  for (std::size_t i = 0; i < neurons.rows(); i += kRows) {
    const std::size_t end = std::min(neurons.rows(), i + kRows);
    load_neurons(stored, i, end, neurons.view().rows_from(i, end));
  }
  return neurons;
}

void load_neurons(const StoredMatrix& stored, std::size_t begin, std::size_t end, MutMatrix out) {
  const auto* bytes = static_cast<const char*>(stored.bytes);
  const std::size_t number = dtype_bytes(stored.dtype);
  checked_mul(checked_mul(stored.rows, stored.cols), number);  // every offset below is less
  const auto from = [&](std::size_t row, std::size_t col) { return bytes + (row * stored.cols + col) * number; };
  if (!stored.transposed) {
    for (std::size_t i = begin; i < end; ++i) widen(stored.dtype, from(i, 0), stored.cols, out.row(i - begin));
    return;
  }
  constexpr std::size_t kLine = 8;  // doubles
  const std::size_t count = end - begin;
  std::vector<double> lines(checked_mul(kLine, count));
  for (std::size_t r = 0; r < stored.rows; r += kLine) {
    const std::size_t width = std::min(kLine, stored.rows - r);
    for (std::size_t c = 0; c < width; ++c) widen(stored.dtype, from(r + c, begin), count, &lines[c * count]);
    for (std::size_t i = 0; i < count; ++i) {
      double* row = out.row(i) + r;
      for (std::size_t c = 0; c < width; ++c) row[c] = lines[c * count + i];
    }
  }
}

}  // namespace herm
