#include "kernels/dtype.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace herm;

namespace {

double widened(DType dtype, std::uint16_t bits) {
  double value;
  widen(dtype, &bits, 1, &value);
  return value;
}

std::uint16_t narrowed(DType dtype, double value) {
  std::uint16_t bits;
  narrow(dtype, &value, 1, &bits);
  return bits;
}

// sign · mantissa · 2^exponent, by the definition of the two formats.
double naive_16(DType dtype, std::uint16_t bits) {
  const int mantissa_bits = dtype == DType::F16 ? 10 : 7;
  const int exponent_bits = 15 - mantissa_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * mantissa * std::pow(2.0, 1 - bias - mantissa_bits);
  return sign * (mantissa + (1 << mantissa_bits)) * std::pow(2.0, exponent - bias - mantissa_bits);
}

}  // namespace

TEST_CASE("every 16-bit number widens exactly and narrows back to its own bits") {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    std::size_t wrong = 0;
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
      const auto word = static_cast<std::uint16_t>(bits);
      const double value = widened(dtype, word), expected = naive_16(dtype, word);
      if (std::isnan(expected)) {
        wrong += !std::isnan(value) || !std::isnan(widened(dtype, narrowed(dtype, value)));
      } else {
        wrong += value != expected || std::signbit(value) != std::signbit(expected) || narrowed(dtype, value) != word;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("narrowing to 16 bits rounds to nearest, ties to even, without rounding twice") {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    const std::uint16_t infinity = dtype == DType::F16 ? 0x7c00 : 0x7f80;
    std::size_t wrong = 0;
    for (std::uint16_t low = 0; low + 1 < infinity; ++low) {
      const double a = widened(dtype, low), b = widened(dtype, static_cast<std::uint16_t>(low + 1));
      const double middle = a + (b - a) / 2;  // exact: one more mantissa bit
      const std::uint16_t even = low % 2 == 0 ? low : static_cast<std::uint16_t>(low + 1);
      wrong += narrowed(dtype, middle) != even;
      wrong += narrowed(dtype, std::nextafter(middle, 0.0)) != low;
      wrong += narrowed(dtype, std::nextafter(middle, INFINITY)) != low + 1;
      wrong += narrowed(dtype, -middle) != (even | 0x8000);
    }
    CHECK(wrong == 0);
    const double largest = widened(dtype, static_cast<std::uint16_t>(infinity - 1));
    const double last_step = largest - widened(dtype, static_cast<std::uint16_t>(infinity - 2));
    CHECK(narrowed(dtype, std::nextafter(largest + last_step / 2, 0.0)) == infinity - 1);
    CHECK(narrowed(dtype, largest + last_step / 2) == infinity);
    CHECK(narrowed(dtype, 1e300) == infinity);
    CHECK(narrowed(dtype, -INFINITY) == (infinity | 0x8000));
    CHECK(narrowed(dtype, 5e-324) == 0);
    CHECK(narrowed(dtype, -0.0) == 0x8000);
  }
}

TEST_CASE("float32 and float64 keep their bits, denormals and signed zeros too") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 20000; ++round) {
    const auto word = static_cast<std::uint32_t>(random());
    const float single = std::bit_cast<float>(word);
    if (std::isnan(single)) continue;
    double value;
    std::uint32_t back;
    widen(DType::F32, &single, 1, &value);
    CHECK(value == static_cast<double>(single));
    narrow(DType::F32, &value, 1, &back);
    CHECK(back == word);
  }
  for (const double value : {-0.0, 5e-324, 1.0 / 3, -std::numeric_limits<double>::infinity()}) {
    double read, written;
    widen(DType::F64, &value, 1, &read);
    narrow(DType::F64, &read, 1, &written);
    CHECK(std::bit_cast<std::uint64_t>(written) == std::bit_cast<std::uint64_t>(value));
  }
  const float denormal = 1e-44f;
  double value;
  widen(DType::F32, &denormal, 1, &value);
  CHECK(value > 0);
}

TEST_CASE("numbers of any alignment are read and written, and nothing beside them") {
  const std::vector<double> values{1.5, -2, 0.25, 1024, -0.0};
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    for (std::size_t offset = 0; offset < 8; ++offset) {
      std::vector<unsigned char> bytes(offset + values.size() * dtype_bytes(dtype) + 1, 0xab);
      narrow(dtype, values.data(), values.size(), bytes.data() + offset);
      std::vector<double> read(values.size());
      widen(dtype, bytes.data() + offset, read.size(), read.data());
      CHECK(read == values);
      CHECK(std::signbit(read[4]));
      CHECK(bytes.back() == 0xab);
      for (std::size_t i = 0; i < offset; ++i) CHECK(bytes[i] == 0xab);
    }
  }
  CHECK(dtype_bytes(DType::F64) == 8);
  CHECK(dtype_bytes(DType::F32) == 4);
  CHECK(dtype_bytes(DType::F16) == 2);
  CHECK(dtype_bytes(DType::BF16) == 2);
}

TEST_CASE("neurons are rows, however the file stores them") {
  const std::vector<float> stored{1, 2, 3, 4, 5, 6};
  const Matrix rows = load_neurons({DType::F32, stored.data(), 2, 3, false});
  const Matrix columns = load_neurons({DType::F32, stored.data(), 2, 3, true});
  REQUIRE((rows.rows() == 2 && rows.cols() == 3));
  REQUIRE((columns.rows() == 3 && columns.cols() == 2));
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      CHECK(rows(i, j) == stored[i * 3 + j]);
      CHECK(columns(j, i) == stored[i * 3 + j]);
    }
  CHECK(load_neurons({DType::F32, nullptr, 0, 5, true}).rows() == 5);
}
