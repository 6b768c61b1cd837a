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
      check_round_trip({bytes, false}, random_bytes(bytes * count));
      check_round_trip({bytes, true}, random_bytes(bytes * count, 3));
      check_round_trip({bytes, false}, Bytes(bytes * count, 7));
    }
  }
}

TEST_CASE("planes: floats shrink to about the entropy of their exponents, constants to nothing, noise hardly grows") {
  const std::size_t count = 200000;
  const double floats = static_cast<double>(encode({4, true}, gaussian_floats(count)).size()) / (4.0 * count);
  CHECK(floats < 0.84);
  const Bytes short_floats = gaussian_floats(count, 0xffff0000u);
  CHECK(encode({4, true}, short_floats).size() < 0.7 * 2 * count);
  CHECK(encode({4, true}, Bytes(4 * count)).size() == 16);
  const std::size_t noise = encode({4, false}, random_bytes(4 * count)).size();
  CHECK(noise <= encoded_bound(count, 4));
  CHECK(noise < 4 * count + 20);
}

TEST_CASE("planes: text is compressed across its whole length") {
  Bytes text;
  for (int k = 0; k < 3000; ++k) {
    const std::string line = "{\"layer." + std::to_string(k) + ".weight\":[3072,768]},";
    text.insert(text.end(), line.begin(), line.end());
  }
  check_round_trip({1, false}, text);
  CHECK(encode({1, false}, text).size() < text.size() / 8);
}

TEST_CASE("planes: the bytes do not depend on the number of threads") {
  const Bytes words = gaussian_floats(400000);
  CHECK(encode({4, true}, words, 1) == encode({4, true}, words, 3));
}

TEST_CASE("planes: every cut, and unknown methods, are HERM_CORRUPT") {
  const WordLayout layout{4, true};
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
  const WordLayout layout{1, false};
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

TEST_CASE("planes: random garbage is refused or decoded, never worse") {
  const WordLayout layout{4, true};
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
  CHECK_THROWS_AS(encode_words(Job(), {3, false}, words, out), std::invalid_argument);
  CHECK_THROWS_AS(encode_words(Job(), {8, false}, std::span(words).first(12), out), std::invalid_argument);
  CHECK_THROWS_AS(encode_words(Job(), {4, false}, random_bytes(16), std::span(out).first(10)), std::invalid_argument);
  CHECK_THROWS_AS(encoded_bound(static_cast<std::size_t>(-1), 8), std::length_error);
}

TEST_CASE("planes: XXH64 as its specification gives it") {
  CHECK(xxh64_hex({}) == "ef46db3751d8e999");
  const std::string text = "abc";
  CHECK(xxh64_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}) == "44bc2cf5ad770999");
}
