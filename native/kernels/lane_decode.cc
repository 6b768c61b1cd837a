#include <atomic>
#include <stdexcept>
#include <string>

#include "kernels/lane_code.h"
#include "kernels/strip_decoder.h"
#include "kernels/threads.h"

namespace herm {

namespace {

[[noreturn]] void corrupt(const char* what) { throw KernelError("HERM_CORRUPT", what); }

template <DType D>
void decode_strip(const Job& job, const CodedLanes& coded, std::size_t strip) {
  const StrictFloat strict;
  const auto& [name, lanes, levels, wanted, sections] = coded;
  const std::size_t begin = lanes.length * strip / levels.strips, end = lanes.length * (strip + 1) / levels.strips;
  StripDecoder<D> decoder(lanes, begin, end);
  std::size_t elements = 0, instructions = 0;
  for (std::size_t level = 0; level < levels.levels(); ++level) {
    const std::size_t reach = levels.strips > 1 ? end - begin : levels.elements[level];
    const std::size_t last = levels.instructions[level];
    const auto* const section = &sections[2 * (level * levels.strips + strip)];
    decoder.decode(job, section[0], 0, elements, false, instructions, last, wanted);
    decoder.decode(job, section[1], elements, reach, true, 0, last, wanted);
    elements = reach;
    instructions = last;
  }
}

// An error says whose it is.
template <class Work>
void naming(const CodedLanes& coded, Work&& work) {
  try {
    work();
  } catch (const KernelError& error) {
    if (coded.name.empty()) throw;
    throw KernelError(error.code(), coded.name + " is corrupt: " + error.what());
  }
}

// Models learn from everything that is coded, so only the last instructions of the last level may be left; and not
// where elements are new with it, as these come after them.
void check_wanted(const LaneLevels& levels, std::size_t wanted) {
  const std::size_t count = levels.levels();
  if (count == 0 || wanted >= levels.instructions[count - 1]) return;
  const bool grows = count > 1 && levels.elements[count - 1] != levels.elements[count - 2];
  if (grows || (count > 1 && wanted < levels.instructions[count - 2])) {
    throw std::invalid_argument("instructions before the last level's own cannot be left coded");
  }
}

}  // namespace

void decode_lanes(const Job& job, std::span<const CodedLanes> all) {
  // A strip is decoded by one thread; those of all lanes are there to be shared out.
  struct Part {
    std::size_t lanes, strip;
  };
  std::vector<Part> parts;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto& [name, lanes, levels, wanted, sections] = all[k];
    naming(all[k], [&, &lanes = lanes, &levels = levels] { check_lanes(lanes, levels); });
    if (sections.size() != levels.sections()) throw std::invalid_argument("every section needs its bytes");
    check_wanted(levels, wanted);
    for (std::size_t strip = 0; strip < levels.strips; ++strip) parts.push_back({k, strip});
  }
  std::atomic<std::size_t> done{0};
  parallel_for(job, parts.size(), 1, [&](std::size_t i, std::size_t) {
    const auto [k, strip] = parts[i];
    naming(all[k], [&] { with_dtype(all[k].lanes.dtype, [&]<DType D>() { decode_strip<D>(job, all[k], strip); }); });
    job.progress(static_cast<double>(++done) / static_cast<double>(parts.size()));
  });
}

void decode_lanes(const Job& job, const NodeLanes& lanes, const LaneLevels& levels, std::size_t wanted,
                  std::span<const std::uint8_t> data, std::span<const std::uint64_t> sizes) {
  CodedLanes coded{{}, lanes, levels, wanted, {}};
  for (const std::uint64_t size : sizes) {
    if (size > data.size()) corrupt("a section is longer than what there is");
    coded.sections.push_back(data.first(size));
    data = data.subspan(size);
  }
  if (!data.empty()) corrupt("bytes are left over after the last section");
  decode_lanes(job, {&coded, 1});
}

}  // namespace herm
