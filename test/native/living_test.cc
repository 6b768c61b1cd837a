#include "kernels/living.h"

#include <doctest/doctest.h>

#include <numeric>
#include <random>
#include <vector>

#include "kernels/close_up.h"

using namespace herm;

namespace {

std::vector<std::uint32_t> alive_by_flags(const Living& living) {
  std::vector<std::uint32_t> positions;
  for (std::uint32_t p = 0; p < living.size(); ++p)
    if (living[p]) positions.push_back(p);
  return positions;
}

}  // namespace

TEST_CASE("positions, ranks, flags and bits of the living agree through deaths, births and compacting") {
  std::mt19937 random(1);
  Living living(83);
  std::vector<int> names(83), by_rank(83);  // of whoever stands at a position, and has a rank
  std::iota(names.begin(), names.end(), 0);
  by_rank = names;
  int next_name = 83;
  for (int round = 0; round < 12; ++round) {
    for (int k = 0; k < 6; ++k) {
      const auto& all = living.positions();
      living.kill(all[random() % all.size()]);  // some of them twice
    }
    const auto ranks = living.bear(3);
    for (int k = 0; k < 3; ++k) {
      names.push_back(next_name);
      by_rank.push_back(next_name++);
    }
    std::vector<int> kept;
    kept.reserve(ranks.size());
    for (const std::uint32_t r : ranks) kept.push_back(by_rank[r]);
    by_rank = kept;
    if (round % 4 == 3) {
      std::vector<int> closed;
      for (const std::uint32_t p : living.positions()) closed.push_back(names[p]);
      names = closed;
      living.compact();
    }
    REQUIRE(living.positions() == alive_by_flags(living));
    REQUIRE(living.size() == names.size());
    for (std::size_t r = 0; r < living.positions().size(); ++r) {
      CHECK(living.rank(living.positions()[r]) == r);
      CHECK(names[living.positions()[r]] == by_rank[r]);
    }
    CHECK(living.rank(living.size()) == living.positions().size());
    for (std::size_t p = 0; p < living.size(); ++p)
      CHECK(((living.bits(p / Living::kWord) >> p % Living::kWord & 1) != 0) == living[p]);
  }
}

TEST_CASE("rows close up to the living, in place or elsewhere, from any word on") {
  constexpr std::size_t kSize = 150;
  std::mt19937 random(2);
  Living living(kSize);
  for (std::size_t p = 0; p < kSize; ++p)
    if (random() % 3 == 0) living.kill(p);
  living.bear(0);
  std::vector<float> row(kSize + Living::kWord);
  std::iota(row.begin(), row.end(), 0.0F);
  for (std::size_t begin = 0; begin < kSize; begin += Living::kWord) {
    for (const std::size_t end : {kSize, std::size_t{129}}) {
      if (end <= begin) continue;
      std::vector<float> expected, in_place(row.begin() + static_cast<std::ptrdiff_t>(begin), row.end());
      for (std::size_t p = begin; p < end; ++p)
        if (living[p]) expected.push_back(row[p]);
      std::vector<float> elsewhere(kSize + 2 * Living::kWord);
      close_up(row.data() + begin, living, begin, end, elsewhere.data());
      close_up(in_place.data(), living, begin, end, in_place.data());
      for (std::size_t r = 0; r < expected.size(); ++r) {
        CHECK(elsewhere[r] == expected[r]);
        CHECK(in_place[r] == expected[r]);
      }
    }
  }
}
