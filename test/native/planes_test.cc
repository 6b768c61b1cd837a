#include "kernels/planes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <stdexcept>
#include <vector>

#include "kernels/error.h"
#include "kernels/words.h"

using namespace herm;

namespace {

using Bytes = std::vector<std::uint8_t>;
using List = std::vector<std::uint32_t>;

List range(std::uint32_t n) {
  List list(n);
  for (std::uint32_t i = 0; i < n; ++i) list[i] = i;
  return list;
}

Bytes gaussian_floats(std::size_t count, std::uint32_t mask = 0xffffffff) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.05f);
  Bytes bytes(count * 4);
  for (std::size_t k = 0; k < count; ++k)
    store_word(bytes.data(), k, std::bit_cast<std::uint32_t>(normal(random)) & mask);
  return bytes;
}

Bytes random_bytes(std::size_t count, unsigned modulus = 256) {
  std::mt19937 random(4);
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % modulus);
  return bytes;
}

Bytes encode(const WordLayout& layout, const Bytes& words, int threads = 1) {
  Bytes out(encoded_bound(words.size() / layout.bytes, layout.bytes));
  out.resize(encode_words(Job(threads), layout, words, out));
  return out;
}

void check_round_trip(const WordLayout& layout, const Bytes& words) {
  const Bytes coded = encode(layout, words);
  Bytes back(words.size(), 0xee);
  CHECK(decode_words(Job(2), layout, coded, back) == coded.size());
  CHECK(back == words);
}

template <class Fn>
void check_corrupt(Fn&& fn) {
  try {
    fn();
    FAIL("decoded what no encoder wrote");
  } catch (const KernelError& error) {
    CHECK(std::string(error.code()) == "HERM_CORRUPT");
  }
}

}  // namespace

TEST_CASE("planes: words of every size and layout come back") {
  for (const std::size_t bytes : {1u, 2u, 4u, 8u}) {
    for (const std::size_t count : {0u, 1u, 2u, 1000u, 131073u}) {
      CAPTURE(bytes);
      CAPTURE(count);
      check_round_trip({bytes, 0, false}, random_bytes(bytes * count));
      check_round_trip({bytes, 0, true}, random_bytes(bytes * count, 3));
      check_round_trip({bytes, 0, false}, Bytes(bytes * count, 7));
    }
  }
}

TEST_CASE("planes: low bits that a tensor does not use are dropped and come back") {
  for (const int shift : {1, 7, 8, 13, 16, 23, 31}) {
    CAPTURE(shift);
    check_round_trip({4, shift, true}, gaussian_floats(3000, 0xffffffffu << shift));
    check_round_trip({4, shift, false}, gaussian_floats(3000, 0xffffffffu << shift));
  }
  const Bytes words = gaussian_floats(100);
  Bytes out(encoded_bound(100, 4));
  CHECK_THROWS_AS(encode_words(Job(), {4, 16, true}, words, out), std::invalid_argument);
}

TEST_CASE("planes: floats shrink to about the entropy of their exponents, constants to nothing, noise hardly grows") {
  const std::size_t count = 200000;
  const double floats = static_cast<double>(encode({4, 0, true}, gaussian_floats(count)).size()) / (4.0 * count);
  CHECK(floats < 0.84);
  const double halves =
      static_cast<double>(encode({4, 16, true}, gaussian_floats(count, 0xffff0000u)).size()) / (2.0 * count);
  CHECK(halves < 0.68);
  CHECK(encode({4, 0, true}, Bytes(4 * count)).size() == 16);
  const std::size_t noise = encode({4, 0, false}, random_bytes(4 * count)).size();
  CHECK(noise <= encoded_bound(count, 4));
  CHECK(noise < 4 * count + 20);
}

TEST_CASE("planes: text is compressed across its whole length") {
  Bytes text;
  for (int k = 0; k < 3000; ++k) {
    const std::string line = "{\"layer." + std::to_string(k) + ".weight\":[3072,768]},";
    text.insert(text.end(), line.begin(), line.end());
  }
  check_round_trip({1, 0, false}, text);
  CHECK(encode({1, 0, false}, text).size() < text.size() / 8);
}

TEST_CASE("planes: a rectangle touches its rows and columns alone, whatever their classes") {
  const std::size_t rows = 40, cols = 30;
  const Bytes words = gaussian_floats(rows * cols);
  const List row_list{3, 39, 0, 17}, col_list{29, 1, 2, 20, 5};
  const Bytes row_class{0, 2, 1, 0}, col_class{1, 0, 0, 1, 2};
  for (const bool classes : {false, true}) {
    Rectangle part{rows, cols, row_list, col_list, {}, {}};
    if (classes) {
      part.row_class = row_class;
      part.col_class = col_class;
    }
    Bytes out(encoded_bound(row_list.size() * col_list.size(), 4));
    const std::size_t size = encode_rectangle(Job(), {4, 0, true}, part, words.data(), out);
    Bytes back(words.size(), 0);
    CHECK(decode_rectangle(Job(), {4, 0, true}, part, out, back.data()) == size);
    for (std::uint32_t r = 0; r < rows; ++r) {
      for (std::uint32_t c = 0; c < cols; ++c) {
        const bool inside =
            std::count(row_list.begin(), row_list.end(), r) && std::count(col_list.begin(), col_list.end(), c);
        const std::size_t at = r * cols + c;
        CHECK(load_word<std::uint32_t>(back.data(), at) == (inside ? load_word<std::uint32_t>(words.data(), at) : 0));
      }
    }
  }
}

TEST_CASE("planes: classes keep words on different grids apart") {
  const std::size_t rows = 64, cols = 2000;
  Bytes words = gaussian_floats(rows * cols);
  Bytes row_class(rows);
  for (std::size_t r = 0; r < rows; r += 2) {
    row_class[r] = 1;
    for (std::size_t c = 0; c < cols; ++c) words[(r * cols + c) * 4] &= 0xf8;
  }
  const List all_rows = range(rows), all_cols = range(cols);
  Bytes out(encoded_bound(rows * cols, 4));
  const std::size_t together =
      encode_rectangle(Job(), {4, 0, true}, {rows, cols, all_rows, all_cols, {}, {}}, words.data(), out);
  const std::size_t apart =
      encode_rectangle(Job(), {4, 0, true}, {rows, cols, all_rows, all_cols, row_class, {}}, words.data(), out);
  // Bytes that are uniform, half of them multiples of 8: their class tells 0.72 bits.
  CHECK(static_cast<double>(together - apart) > 0.6 / 8 * rows * cols);
}

TEST_CASE("planes: the bytes do not depend on the number of threads") {
  const Bytes words = gaussian_floats(400000);
  CHECK(encode({4, 0, true}, words, 1) == encode({4, 0, true}, words, 3));
}

TEST_CASE("planes: every cut, and unknown methods, are HERM_CORRUPT") {
  const WordLayout layout{4, 0, true};
  const Bytes words = gaussian_floats(600);
  const Bytes coded = encode(layout, words);
  Bytes back(words.size());
  for (std::size_t size = 0; size < coded.size(); ++size) {
    check_corrupt([&] { decode_words(Job(), layout, std::span(coded).first(size), back); });
  }
  Bytes unknown = coded;
  unknown[0] = 3;
  check_corrupt([&] { decode_words(Job(), layout, unknown, back); });
}

TEST_CASE("planes: frames of another size and lengths out of range are HERM_CORRUPT") {
  const WordLayout layout{1, 0, false};
  Bytes text(5000);
  for (std::size_t k = 0; k < text.size(); ++k) text[k] = static_cast<std::uint8_t>(k % 7);
  const Bytes coded = encode(layout, text);
  REQUIRE(coded[0] == 2);
  Bytes shorter(text.size() - 1), longer(text.size() + 1);
  check_corrupt([&] { decode_words(Job(), layout, coded, shorter); });
  check_corrupt([&] { decode_words(Job(), layout, coded, longer); });
  Bytes huge{2};
  huge.insert(huge.end(), 9, 0xff);
  huge.push_back(0x7f);
  check_corrupt([&] { decode_words(Job(), layout, huge, text); });
  check_corrupt([&] { decode_words(Job(), layout, Bytes{2, 0xff, 0xff, 0x03, 1, 2, 3}, text); });
}

TEST_CASE("planes: padding bits that are not zero are HERM_CORRUPT") {
  const WordLayout layout{2, 3, false};    // 13 bits in 16
  const Bytes one_word{0, 0x12, 0, 0x38};  // two raw planes of one byte
  Bytes back(2);
  CHECK(decode_words(Job(), layout, one_word, back) == 4);
  Bytes padded = one_word;
  padded[3] |= 1;
  check_corrupt([&] { decode_words(Job(), layout, padded, back); });
}

TEST_CASE("planes: random garbage is refused or decoded, never worse") {
  const WordLayout layout{4, 0, true};
  const Bytes words = gaussian_floats(3000);
  const Bytes coded = encode(layout, words);
  std::mt19937 random(9);
  Bytes back(words.size());
  std::size_t refused = 0;
  for (int k = 0; k < 400; ++k) {
    Bytes bad = coded;
    for (int hits = 0; hits < 4; ++hits)
      bad[random() % (k % 2 ? bad.size() : 40)] = static_cast<std::uint8_t>(random());
    try {
      decode_words(Job(), layout, bad, back);
    } catch (const KernelError&) {
      ++refused;
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("planes: wrong arguments are refused before anything is read") {
  Bytes words(16), out(100);
  const List rows{0, 4}, cols{0};
  const Bytes three{3, 0};
  CHECK_THROWS_AS(encode_words(Job(), {3, 0, false}, words, out), std::invalid_argument);
  CHECK_THROWS_AS(encode_words(Job(), {4, 32, false}, words, out), std::invalid_argument);
  CHECK_THROWS_AS(encode_words(Job(), {4, -1, false}, words, out), std::invalid_argument);
  CHECK_THROWS_AS(encode_words(Job(), {8, 0, false}, std::span(words).first(12), out), std::invalid_argument);
  CHECK_THROWS_AS(encode_rectangle(Job(), {4, 0, false}, {4, 1, rows, cols, {}, {}}, words.data(), out),
                  std::invalid_argument);
  CHECK_THROWS_AS(encode_rectangle(Job(), {4, 0, false}, {5, 1, rows, cols, three, {}}, words.data(), out),
                  std::invalid_argument);
  CHECK_THROWS_AS(encode_words(Job(), {4, 0, false}, random_bytes(16), std::span(out).first(10)),
                  std::invalid_argument);
  CHECK_THROWS_AS(encoded_bound(static_cast<std::size_t>(-1), 8), std::length_error);
}

TEST_CASE("planes: XXH64 as its specification gives it") {
  CHECK(xxh64_hex({}) == "ef46db3751d8e999");
  const std::string text = "abc";
  CHECK(xxh64_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}) == "44bc2cf5ad770999");
}
