#include "kernels/hierarchy_code.h"

#include <algorithm>
#include <stdexcept>

#include "kernels/error.h"
#include "kernels/hierarchy_walk.h"
#include "kernels/level_stream.h"
#include "kernels/number_symbols.h"
#include "kernels/uniform_code.h"

namespace herm {

namespace {

void check(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

struct Writer {
  static constexpr bool kEncodes = true;
  LevelEncoder coder;

  [[noreturn]] void fail(const char* what) const { throw std::invalid_argument(what); }

  template <std::size_t Size>
  std::size_t symbol(AdaptiveModel<Size>& model, std::size_t symbol) {
    check(symbol < Size, "a hierarchy has unknown flags");
    model.put(coder, 0, symbol);
    return symbol;
  }
  std::size_t uniform(std::size_t index, std::size_t count) {
    check(index < count, "a hierarchy splits neurons that are not there, or into slots that are taken");
    put_uniform(coder, 0, index, count);
    return index;
  }
  std::uint64_t bits(std::uint64_t value, int count) {
    coder.bits(value, count);
    return value & ((std::uint64_t{1} << count) - 1);
  }
  template <DType D>
  typename FloatGrid<D>::Word number(LevelModel& model, typename FloatGrid<D>::Word word, Grid grid, int expected) {
    using Format = FloatGrid<D>;
    if (static_cast<typename Format::Word>(word & ~Format::kSign) > Format::kMaxFinite) {
      throw KernelError("NON_FINITE", "a bias is infinite or NaN");
    }
    put_number<D>(coder, model, 0, word, grid, expected, false);
    return word;
  }
};

struct Reader {
  static constexpr bool kEncodes = false;
  LevelDecoder coder;

  [[noreturn]] void fail(const char* what) const { throw KernelError("HERM_CORRUPT", what); }

  template <std::size_t Size>
  std::size_t symbol(AdaptiveModel<Size>& model, std::size_t) {
    return model.get(coder, 0);
  }
  std::size_t uniform(std::size_t, std::size_t count) { return get_uniform(coder, 0, count); }
  std::uint64_t bits(std::uint64_t, int count) { return coder.bits(count); }
  template <DType D>
  typename FloatGrid<D>::Word number(LevelModel& model, typename FloatGrid<D>::Word, Grid grid, int expected) {
    return get_number<D>(coder, model, 0, grid, expected, false);
  }
};

void check_side(const HierarchySide& side, std::size_t nodes, std::size_t instructions) {
  check(side.coefficients.size() == 2 * instructions && side.followed.size() == instructions &&
            side.floors.size() == nodes && side.gains.size() == nodes,
        "every instruction needs its coefficients, every node its floor and gain");
}

void check_biases(const HierarchyBiases& biases, std::size_t nodes) {
  const std::size_t bytes = biases.words.size();
  check(bytes == 0 || bytes == nodes * dtype_bytes(biases.dtype), "every node needs its bias, or none");
}

void check_hierarchy(const Hierarchy& h, std::span<const std::uint32_t> levels, std::size_t sizes) {
  const std::size_t n = h.instructions(), nodes = h.roots + 2 * n;
  check(h.neurons < std::size_t{1} << 32 && h.roots <= h.neurons && n <= h.neurons - h.roots,
        "a hierarchy has more roots or instructions than neurons");
  check(h.slots.size() == nodes && h.leaf.size() == nodes, "every node needs its slot");
  check_side(h.input, nodes, n);
  check_side(h.output, nodes, n);
  if (h.gated) check_side(h.gate, nodes, n);
  check_biases(h.biases, nodes);
  check_biases(h.gate_biases, nodes);
  check(h.gated || h.gate_biases.words.empty(), "without a gate there are no gate biases");
  check(!levels.empty() && levels.front() == 0 && levels.back() == n,
        "levels go from the roots to the last instruction");
  check(std::is_sorted(levels.begin(), levels.end()), "levels only ever grow");
  check(sizes == levels.size(), "every level needs its size");
}

// What level l adds.
template <class Io>
void walk_level(const Job& job, HierarchyWalk<Io>& walk, std::span<const std::uint32_t> levels, std::size_t level) {
  if (level == 0) return walk.roots();
  for (std::size_t n = levels[level - 1]; n < levels[level]; ++n) {
    if (n % 1024 == 0) job.check();
    walk.instruction(n);
  }
}

}  // namespace

void encode_hierarchy(const Job& job, const Hierarchy& hierarchy, std::span<const std::uint32_t> levels,
                      std::vector<std::uint8_t>& out, std::span<std::uint64_t> sizes) {
  check_hierarchy(hierarchy, levels, sizes.size());
  Writer io;
  HierarchyWalk<Writer> walk(io, hierarchy);
  for (std::size_t level = 0; level < levels.size(); ++level) {
    walk_level(job, walk, levels, level);
    io.coder.end_level();
  }
  io.coder.finish(out, sizes);
}

void decode_hierarchy(const Job& job, const Hierarchy& hierarchy, std::span<const std::uint32_t> levels,
                      std::span<const std::uint8_t> data, std::span<const std::uint64_t> sizes) {
  check_hierarchy(hierarchy, levels, sizes.size());
  const auto next = [&](std::size_t level) {
    if (sizes[level] > data.size()) throw KernelError("HERM_CORRUPT", "a level is longer than what there is");
    const std::span<const std::uint8_t> stream = data.first(sizes[level]);
    data = data.subspan(sizes[level]);
    return stream;
  };
  Reader io{LevelDecoder(next(0))};
  HierarchyWalk<Reader> walk(io, hierarchy);
  for (std::size_t level = 0; level < levels.size(); ++level) {
    if (level > 0) io.coder.next_level(next(level));
    walk_level(job, walk, levels, level);
    io.coder.end_level();
  }
  if (hierarchy.instructions() == hierarchy.neurons - hierarchy.roots) io.coder.finish();
  if (!data.empty()) io.fail("bytes are left over after the last level");
}

}  // namespace herm
