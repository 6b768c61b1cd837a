// Memory for matrices much larger than the caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace herm {

// Floats without initial values, in huge pages where the system grants them: fewer pages to be handed out and to be
// remembered when rows and columns are walked. Memory given back waits for the next array of its size, because pages
// that are new to a process have to be cleared first. The system may take what waits at any time.
class LargeArray {
 public:
  explicit LargeArray(std::size_t count);

  float* data() { return values_.get(); }
  const float* data() const { return values_.get(); }

 private:
  struct Release {
    std::size_t bytes;
    void operator()(float* values) const;
  };
  std::unique_ptr<float, Release> values_;
};

// Asks for huge pages under memory that is about to be written for the first time.
void prefer_huge_pages(std::span<std::uint8_t> bytes);

// Bytes that wait, and how many may.
std::size_t spare_bytes();
constexpr std::size_t kMostSpareBytes = std::size_t{128} << 20;

}  // namespace herm
