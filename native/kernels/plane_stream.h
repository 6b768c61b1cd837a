// One plane of bytes in a stream: u8 method (0 raw, 1 constant, 2 zstd), then the bytes, the one byte, or a LEB128
// length and a zstd frame. Streams may be hostile: reading checks everything and trusts no size.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace herm {

// KernelError HERM_CORRUPT.
[[noreturn]] void corrupt_stream(const char* what);

// zstd set up twice, the smaller frame wins. Planes of weights repeat nothing: the short matches that zstd finds in
// them by chance cost half a bit an exponent over its entropy coder alone, which a search for long matches in a tiny
// table leaves nearly everything to. Text and sparse tensors do repeat.
class PlaneWriter {
 public:
  PlaneWriter();

  // `plane` is not empty.
  void append(std::span<const std::uint8_t> plane, std::vector<std::uint8_t>& out);

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  using Context = std::unique_ptr<ZSTD_CCtx, Free>;

  static std::span<const std::uint8_t> compress(ZSTD_CCtx* context, std::span<const std::uint8_t> plane,
                                                std::vector<std::uint8_t>& frame);
  std::span<const std::uint8_t> smaller_frame(std::span<const std::uint8_t> plane);

  Context entropy_, matches_;
  std::vector<std::uint8_t> by_entropy_, by_matches_, length_;
};

// Where a plane lies in its stream.
struct StoredPlane {
  std::uint8_t method = 0;
  std::span<const std::uint8_t> bytes;
};

class PlaneReader {
 public:
  explicit PlaneReader(std::span<const std::uint8_t> data) : data_(data) {}

  std::size_t position() const { return position_; }
  // The next plane, of `size` bytes when expanded.
  StoredPlane next(std::size_t size);

 private:
  std::span<const std::uint8_t> take(std::size_t length);
  std::size_t length();

  std::span<const std::uint8_t> data_;
  std::size_t position_ = 0;
};

// Fills all of `out`.
void expand_plane(const StoredPlane& plane, std::span<std::uint8_t> out);

}  // namespace herm
