#include "kernels/number_arrays.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/error.h"
#include "kernels/float_grid.h"
#include "kernels/planes.h"
#include "kernels/words.h"

using namespace herm;

namespace {

using Bytes = std::vector<std::uint8_t>;

template <DType D>
Bytes words_of(const std::vector<double>& values) {
  using Format = FloatGrid<D>;
  Bytes words(values.size() * sizeof(typename Format::Word));
  for (std::size_t k = 0; k < values.size(); ++k) store_word(words.data(), k, Format::round(values[k], Grid{}));
  return words;
}

Bytes words_of(DType dtype, const std::vector<double>& values) {
  switch (dtype) {
    case DType::F64:
      return words_of<DType::F64>(values);
    case DType::F32:
      return words_of<DType::F32>(values);
    case DType::F16:
      return words_of<DType::F16>(values);
    default:
      return words_of<DType::BF16>(values);
  }
}

std::vector<double> gaussian(std::size_t count) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal(0, 0.05);
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

Bytes encode(const NumberArray& array, const Bytes& words, int threads = 1) {
  Bytes out(encoded_numbers_bound(array, words.size() / dtype_bytes(array.dtype)));
  out.resize(encode_numbers(Job(threads), array, words, out));
  return out;
}

// Returns the coded size.
std::size_t check_round_trip(const NumberArray& array, const Bytes& words) {
  const Bytes coded = encode(array, words);
  Bytes back(words.size(), 0xee);
  CHECK(decode_numbers(Job(2), array, coded, back) == coded.size());
  CHECK(back == words);
  return coded.size();
}

std::size_t plane_size(const NumberArray& array, const Bytes& words) {
  const std::size_t bytes = dtype_bytes(array.dtype);
  Bytes out(encoded_bound(words.size() / bytes, bytes));
  return encode_words(Job(), {bytes, true}, words, out);
}

// Bits of exponents by their frequencies, signs and mantissas, in bytes.
double flat_floor(const Bytes& words) {
  std::vector<double> counts(256);
  const double count = static_cast<double>(words.size() / 4);
  for (std::size_t k = 0; k < words.size() / 4; ++k) counts[load_word<std::uint32_t>(words.data(), k) >> 23 & 255] += 1;
  double bits = 24 * count;
  for (const double n : counts) bits -= n == 0 ? 0 : n * std::log2(n / count);
  return bits / 8;
}

void check_corrupt(const NumberArray& array, const Bytes& coded, std::size_t bytes) {
  Bytes back(bytes);
  try {
    decode_numbers(Job(), array, coded, back);
    FAIL("decoded what no encoder wrote");
  } catch (const KernelError& error) {
    CHECK(std::string(error.code()) == "HERM_CORRUPT");
  }
}

constexpr DType kAll[] = {DType::F64, DType::F32, DType::F16, DType::BF16};

}  // namespace

TEST_CASE("number arrays: numbers of every format come back, whatever the rows and what fills none") {
  for (const DType dtype : kAll) {
    for (const std::size_t count : {0u, 1u, 2u, 255u, 256u, 1000u, 30011u}) {
      for (const std::size_t columns : {1u, 7u, 256u, 2500u}) {
        CAPTURE(static_cast<int>(dtype));
        CAPTURE(count);
        CAPTURE(columns);
        check_round_trip({dtype, columns}, words_of(dtype, gaussian(count)));
      }
    }
  }
}

TEST_CASE("number arrays: zeros of both signs, denormals, infinities and NaN are exact") {
  const double least = std::numeric_limits<double>::denorm_min();
  for (const DType dtype : kAll) {
    CAPTURE(static_cast<int>(dtype));
    std::vector<double> values = gaussian(5000);
    for (std::size_t k = 0; k < values.size(); k += 5) values[k] = k % 2 ? -0.0 : 0.0;
    for (const std::size_t k : {12u, 13u, 501u}) values[k] = std::numeric_limits<double>::max();
    for (const std::size_t k : {22u, 23u, 601u}) values[k] = least * static_cast<double>(k);
    values[33] = dtype == DType::F16 ? 3e-8 : -1e-39;
    Bytes words = words_of(dtype, values);
    check_round_trip({dtype, 500}, words);
    words.back() = 0x7f;  // all ones: a NaN in the last word
    for (std::size_t k = 1; k < dtype_bytes(dtype); ++k) words[words.size() - 1 - k] = 0xff;
    check_round_trip({dtype, 500}, words);
    Bytes infinite = words_of(dtype, gaussian(3));
    const unsigned infinity = dtype == DType::F64 ? 0x7ff0 : dtype == DType::F16 ? 0x7c00 : 0x7f80;
    std::fill(infinite.end() - static_cast<std::ptrdiff_t>(dtype_bytes(dtype)), infinite.end(), std::uint8_t{0});
    infinite[infinite.size() - 1] = static_cast<std::uint8_t>(0x80 | infinity >> 8);
    infinite[infinite.size() - 2] = static_cast<std::uint8_t>(infinity);
    check_round_trip({dtype, 256}, infinite);
  }
}

TEST_CASE("number arrays: Gaussian numbers take what the entropy of their exponents says") {
  const NumberArray array{DType::F32, 768};
  const Bytes words = words_of(DType::F32, gaussian(768 * 300));
  const std::size_t size = check_round_trip(array, words);
  CHECK(static_cast<double>(size) < 1.002 * flat_floor(words));
  CHECK(size < plane_size(array, words));
}

TEST_CASE("number arrays: rows and columns of other scales cost nothing") {
  std::vector<double> values = gaussian(512 * 400);
  const Bytes even = words_of(DType::BF16, values);
  for (std::size_t k = 0; k < values.size(); ++k) {
    values[k] *= std::exp2(static_cast<double>(k / 512 % 7) + 0.5 * static_cast<double>(k % 512 % 9));
  }
  const NumberArray array{DType::BF16, 512};
  const std::size_t scaled = check_round_trip(array, words_of(DType::BF16, values));
  CHECK(static_cast<double>(scaled) < 1.02 * static_cast<double>(encode(array, even).size()));
}

TEST_CASE("number arrays: short numbers stored as long ones are as small as short ones") {
  const Bytes narrow = words_of(DType::BF16, gaussian(300 * 256));
  Bytes wide(2 * narrow.size());
  for (std::size_t k = 0; k < narrow.size() / 2; ++k) {
    store_word(wide.data(), k, std::uint32_t{load_word<std::uint16_t>(narrow.data(), k)} << 16);
  }
  CHECK(check_round_trip({DType::F32, 256}, wide) == check_round_trip({DType::BF16, 256}, narrow));
}

TEST_CASE("number arrays: what repeats is left to zstd") {
  const NumberArray array{DType::F32, 300};
  const auto compare = [&](const std::vector<double>& values) {
    const Bytes words = words_of(DType::F32, values);
    CHECK(check_round_trip(array, words) <= plane_size(array, words) + 16);
  };
  compare(std::vector<double>(100000));
  compare(std::vector<double>(100000, 0.3));
  std::vector<double> values = gaussian(300 * 400);
  for (std::size_t k = 300; k < values.size(); ++k) values[k] = values[k % 300];
  compare(values);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<double>(k * k % 11) / 7;
  compare(values);
  compare(gaussian(20));
}

TEST_CASE("number arrays: several pieces, whatever the number of threads") {
  std::vector<double> values = gaussian(70000);
  const std::size_t count = 2 * kPieceNumbers + 12345;
  values.resize(count);
  for (std::size_t k = 70000; k < count; ++k) values[k] = values[k - 70000] * (k % 3 == 0 ? -1.5 : 0.7);
  const Bytes words = words_of(DType::BF16, values);
  const NumberArray array{DType::BF16, 1000};
  check_round_trip(array, words);
  CHECK(encode(array, words, 1) == encode(array, words, 3));
  check_round_trip({DType::BF16, kPieceNumbers}, words);
}

TEST_CASE("number arrays: every cut is HERM_CORRUPT, and what is left over is not read") {
  const NumberArray array{DType::F32, 256};
  const Bytes words = words_of(DType::F32, gaussian(600));
  Bytes coded = encode(array, words);
  for (std::size_t size = 0; size < coded.size(); ++size) {
    check_corrupt(array, Bytes(coded.begin(), coded.begin() + static_cast<std::ptrdiff_t>(size)), words.size());
  }
  check_corrupt(array, coded, words.size() - 4);
  check_corrupt(array, coded, words.size() + 4);
  const std::size_t size = coded.size();
  coded.push_back(0);
  Bytes back(words.size());
  CHECK(decode_numbers(Job(), array, coded, back) == size);
  CHECK(back == words);
}

TEST_CASE("number arrays: unknown methods, shifts and lengths are HERM_CORRUPT") {
  const NumberArray array{DType::F32, 256};
  check_corrupt(array, {2, 3, 0}, 4);
  check_corrupt(array, {0}, 4);
  check_corrupt(array, {1, 1}, 4);
  check_corrupt(array, {3, 1, 24, 0}, 4);
  check_corrupt(array, {4, 1, 0, 0xff, 0x7f}, 4);
  check_corrupt(array, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 4);
  check_corrupt(array, {9, 0, 1, 0, 1, 0, 1, 0, 1}, 4);
  check_corrupt(array, {10, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0}, 4);
}

TEST_CASE("number arrays: damage is refused or gives other numbers, never worse") {
  const NumberArray array{DType::F16, 256};
  const Bytes words = words_of(DType::F16, gaussian(256 * 40));
  const Bytes coded = encode(array, words);
  std::mt19937 random(5);
  std::size_t refused = 0;
  for (int k = 0; k < 400; ++k) {
    Bytes bad = coded, back(words.size());
    bad[random() % (k % 2 ? bad.size() : 40)] ^= static_cast<std::uint8_t>(1u << random() % 8);
    try {
      decode_numbers(Job(), array, bad, back);
    } catch (const KernelError&) {
      ++refused;
    }
  }
  CHECK(refused > 150);
}

TEST_CASE("number arrays: wrong arguments are refused") {
  Bytes words(10), out(100);
  CHECK_THROWS_AS(encode_numbers(Job(), {DType::F32, 1}, words, out), std::invalid_argument);
  CHECK_THROWS_AS(encode_numbers(Job(), {DType::F16, 0}, words, out), std::invalid_argument);
  CHECK_THROWS_AS(encode_numbers(Job(), {DType::F16, kPieceNumbers + 1}, words, out), std::invalid_argument);
  CHECK_THROWS_AS(encode_numbers(Job(), {DType::F16, 5}, words, std::span(out).first(3)), std::invalid_argument);
  CHECK_THROWS_AS(encoded_numbers_bound({DType::F64, 1}, static_cast<std::size_t>(-1)), std::length_error);
}
