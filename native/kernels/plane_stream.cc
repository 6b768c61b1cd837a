#include "kernels/plane_stream.h"

#include <algorithm>
#include <new>
#include <utility>

#include "kernels/error.h"
#include "kernels/leb128.h"

namespace herm {

namespace {

enum Method : std::uint8_t { kRaw = 0, kConstant = 1, kZstd = 2 };

// A context whose parameters zstd has taken; frames leave out their size, which the reader knows.
ZSTD_CCtx* zstd_context(std::span<const std::pair<ZSTD_cParameter, int>> parameters) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  if (!context) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  for (const auto& [name, value] : parameters) ZSTD_CCtx_setParameter(context, name, value);
  return context;
}

constexpr std::pair<ZSTD_cParameter, int> kEntropy[] = {{ZSTD_c_compressionLevel, 1},
                                                        {ZSTD_c_windowLog, 17},
                                                        {ZSTD_c_strategy, ZSTD_fast},
                                                        {ZSTD_c_minMatch, 7},
                                                        {ZSTD_c_hashLog, 6}};
constexpr std::pair<ZSTD_cParameter, int> kMatches[] = {{ZSTD_c_compressionLevel, 9}};

}  // namespace

void corrupt_stream(const char* what) { throw KernelError("HERM_CORRUPT", what); }

PlaneWriter::PlaneWriter() : entropy_(zstd_context(kEntropy)), matches_(zstd_context(kMatches)) {}

// The frame, or an empty one where it would need plane.size() bytes or more.
std::span<const std::uint8_t> PlaneWriter::compress(ZSTD_CCtx* context, std::span<const std::uint8_t> plane,
                                                    std::vector<std::uint8_t>& frame) {
  frame.resize(plane.size());
  const std::size_t size = ZSTD_compress2(context, frame.data(), frame.size(), plane.data(), plane.size());
  return {frame.data(), ZSTD_isError(size) ? 0 : size};
}

std::span<const std::uint8_t> PlaneWriter::smaller_frame(std::span<const std::uint8_t> plane) {
  const auto entropy = compress(entropy_.get(), plane, by_entropy_);
  const auto matches = compress(matches_.get(), plane, by_matches_);
  return entropy.empty() || (!matches.empty() && matches.size() < entropy.size()) ? matches : entropy;
}

void PlaneWriter::append(std::span<const std::uint8_t> plane, std::vector<std::uint8_t>& out) {
  if (std::all_of(plane.begin(), plane.end(), [&](std::uint8_t byte) { return byte == plane[0]; })) {
    out.insert(out.end(), {kConstant, plane[0]});
    return;
  }
  const std::span<const std::uint8_t> frame = smaller_frame(plane);
  length_.clear();
  put_leb128(frame.size(), length_);
  if (frame.empty() || frame.size() + length_.size() >= plane.size()) {
    out.push_back(kRaw);
    out.insert(out.end(), plane.begin(), plane.end());
    return;
  }
  out.push_back(kZstd);
  out.insert(out.end(), length_.begin(), length_.end());
  out.insert(out.end(), frame.begin(), frame.end());
}

std::span<const std::uint8_t> PlaneReader::take(std::size_t length) {
  if (length > data_.size() - position_) corrupt_stream("coded words end too early");
  const auto part = data_.subspan(position_, length);
  position_ += length;
  return part;
}

std::size_t PlaneReader::length() {
  auto rest = data_.subspan(position_);
  const std::size_t value = take_leb128(rest);
  position_ = data_.size() - rest.size();
  return value;
}

StoredPlane PlaneReader::next(std::size_t size) {
  const std::uint8_t method = take(1)[0];
  switch (method) {
    case kRaw:
      return {method, take(size)};
    case kConstant:
      return {method, take(1)};
    case kZstd:
      return {method, take(length())};
    default:
      corrupt_stream("coded words use an unknown method");
  }
}

void expand_plane(const StoredPlane& plane, std::span<std::uint8_t> out) {
  switch (plane.method) {
    case kRaw:
      std::copy(plane.bytes.begin(), plane.bytes.end(), out.begin());
      break;
    case kConstant:
      std::fill(out.begin(), out.end(), plane.bytes[0]);
      break;
    default:
      // Writes at most out.size() bytes, whatever the frame claims.
      if (ZSTD_decompress(out.data(), out.size(), plane.bytes.data(), plane.bytes.size()) != out.size()) {
        corrupt_stream("coded words do not expand to their size");
      }
  }
}

}  // namespace herm
