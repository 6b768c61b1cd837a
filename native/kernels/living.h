// Which neurons of a shrinking and growing set are alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace herm {

// Neurons are known by position. One that lives also has a rank: how many live below it.
class Living {
 public:
  static constexpr std::size_t kWord = 16;  // positions whose bits make a word

  explicit Living(std::size_t count) { begin_with(count); }

  std::size_t size() const { return flags_.size(); }  // positions, those of the dead included
  const std::vector<char>& flags() const { return flags_; }
  bool operator[](std::size_t position) const { return flags_[position] != 0; }
  // Those alive after the last birth, in ascending order: the position of every rank.
  const std::vector<std::uint32_t>& positions() const { return positions_; }
  std::size_t rank(std::size_t position) const;
  // A bit for each of the positions 16·word to 16·word + 15.
  std::uint16_t bits(std::size_t word) const { return bits_[word]; }

  void kill(std::size_t position);
  // Takes in neurons at the next positions. Returns who has which rank now: ranks of before, followed by the newborn.
  std::vector<std::uint32_t> bear(std::size_t count);
  // Only the living keep positions, in their order.
  void compact() { begin_with(positions_.size()); }

 private:
  void begin_with(std::size_t count);

  std::vector<char> flags_;
  std::vector<std::uint16_t> bits_;
  std::vector<std::uint32_t> positions_;
};

}  // namespace herm
