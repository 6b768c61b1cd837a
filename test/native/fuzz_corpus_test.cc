// What fuzzers start from and what they found, once each (scripts/checks/fuzz.mjs runs the fuzzers themselves).
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "../fuzz/targets.h"

namespace {

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TEST_CASE("fuzz corpus: decoders give numbers or refuse, and never worse") {
  for (const herm::fuzz::Target& target : herm::fuzz::kTargets) {
    const auto files = files_in(std::filesystem::path(HERM_FUZZ_CORPUS) / target.name);
    CHECK(files.size() > 20);
    for (const auto& path : files) {
      CAPTURE(path.string());
      std::ifstream file(path, std::ios::binary);
      const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      CHECK_NOTHROW(target.run({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
    }
  }
}
