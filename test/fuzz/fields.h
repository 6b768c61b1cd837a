// The first bytes of a fuzzer's input say what is decoded: fields one after the other, which targets read and the
// program that makes seeds writes. Whatever the bytes are, a field is in its range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

namespace herm::fuzz {

using Bytes = std::vector<std::uint8_t>;

// Bytes of a field of numbers up to `most`.
inline int field_bytes(std::uint64_t most) { return most < 0x100 ? 1 : most < 0x10000 ? 2 : 4; }

class FieldReader {
 public:
  explicit FieldReader(std::span<const std::uint8_t> input) : rest_(input) {}

  // Bytes beyond the end are 0.
  template <class T>
  void number(T& value, std::uint64_t most) {
    std::uint64_t bits = 0;
    for (int k = 0; k < field_bytes(most); ++k) bits |= std::uint64_t{next()} << (8 * k);
    value = static_cast<T>(bits % (most + 1));
  }
  template <class T>
  void numbers(std::vector<T>& values, std::size_t count, std::uint64_t most) {
    values.resize(count);
    for (T& value : values) number(value, most);
  }
  std::span<const std::uint8_t> rest() const { return rest_; }

 private:
  std::uint8_t next() {
    if (rest_.empty()) return 0;
    const std::uint8_t byte = rest_[0];
    rest_ = rest_.subspan(1);
    return byte;
  }

  std::span<const std::uint8_t> rest_;
};

class FieldWriter {
 public:
  template <class T>
  void number(const T& value, std::uint64_t most) {
    const auto bits = static_cast<std::uint64_t>(value);
    if (bits > most) throw std::logic_error("a seed's field is out of range");
    for (int k = 0; k < field_bytes(most); ++k) bytes.push_back(static_cast<std::uint8_t>(bits >> (8 * k)));
  }
  template <class T>
  void numbers(const std::vector<T>& values, std::size_t count, std::uint64_t most) {
    if (values.size() != count) throw std::logic_error("a seed's field has another length");
    for (const T& value : values) number(value, most);
  }

  Bytes bytes;
};

// An input of these fields and coded data.
template <class Fields>
Bytes input_of(Fields fields, const Bytes& data) {
  FieldWriter writer;
  fields.pass(writer);
  writer.bytes.insert(writer.bytes.end(), data.begin(), data.end());
  return writer.bytes;
}

}  // namespace herm::fuzz
