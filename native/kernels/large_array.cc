#include "kernels/large_array.h"

#if defined(__linux__)
#include <sys/mman.h>
#elif defined(_WIN32)
#include <malloc.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

namespace herm {

namespace {

constexpr std::size_t kPage = std::size_t{1} << 21;

#if defined(_WIN32)
void* allocate_pages(std::size_t bytes) { return _aligned_malloc(bytes, kPage); }
void free_pages(void* pages) { _aligned_free(pages); }
#else
void* allocate_pages(std::size_t bytes) { return std::aligned_alloc(kPage, bytes); }
void free_pages(void* pages) { std::free(pages); }
#endif

// Whole huge pages that wait to be used again, the latest last.
struct Spares {
  struct Block {
    std::size_t bytes;
    void* pages;
  };
  std::mutex mutex;
  std::vector<Block> blocks;
  std::size_t bytes = 0;

  void* remove(std::vector<Block>::iterator block) {
    void* pages = block->pages;
    bytes -= block->bytes;
    blocks.erase(block);
    return pages;
  }
};

// Never destroyed: arrays may outlive everything else.
Spares& spares() {
  static Spares& all = *new Spares;
  return all;
}

void* new_pages(std::size_t bytes) {
  void* pages = allocate_pages(bytes);
  if (!pages) throw std::bad_alloc();
#if defined(__linux__)
  madvise(pages, bytes, MADV_HUGEPAGE);  // a hint: where it is not taken nothing is lost
#endif
  return pages;
}

void* take_pages(std::size_t bytes) {
  Spares& all = spares();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto same = std::find_if(all.blocks.begin(), all.blocks.end(), [&](const auto& b) { return b.bytes == bytes; });
  return same == all.blocks.end() ? new_pages(bytes) : all.remove(same);
}

void give_pages(void* pages, std::size_t bytes) {
#if defined(MADV_FREE)
  const bool lent = bytes <= kMostSpareBytes && madvise(pages, bytes, MADV_FREE) == 0;
#else
  const bool lent = false;
#endif
  if (!lent) return free_pages(pages);
  Spares& all = spares();
  const std::lock_guard<std::mutex> lock(all.mutex);
  while (all.bytes + bytes > kMostSpareBytes) free_pages(all.remove(all.blocks.begin()));
  all.blocks.push_back({bytes, pages});
  all.bytes += bytes;
}

}  // namespace

LargeArray::LargeArray(std::size_t count) : values_(nullptr, {0}) {
  if (count > (SIZE_MAX - kPage) / sizeof(float)) throw std::bad_alloc();
  const std::size_t bytes = std::max<std::size_t>(count, 1) * sizeof(float);
  if (bytes < kPage) {
    values_.reset(static_cast<float*>(std::malloc(bytes)));
    if (!values_) throw std::bad_alloc();
    return;
  }
  const std::size_t whole = (bytes + kPage - 1) / kPage * kPage;
  values_ = {static_cast<float*>(take_pages(whole)), {whole}};
}

void LargeArray::Release::operator()(float* values) const { bytes > 0 ? give_pages(values, bytes) : std::free(values); }

void prefer_huge_pages([[maybe_unused]] std::span<std::uint8_t> bytes) {
#if defined(__linux__)
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data()), end = begin + bytes.size();
  const std::uintptr_t first = (begin + kPage - 1) / kPage * kPage, last = end / kPage * kPage;
  if (first < last) madvise(bytes.data() + (first - begin), last - first, MADV_HUGEPAGE);
#endif
}

std::size_t spare_bytes() {
  Spares& all = spares();
  const std::lock_guard<std::mutex> lock(all.mutex);
  return all.bytes;
}

}  // namespace herm
