#include <cmath>
#include <stdexcept>

#include "kernels/strip.h"

namespace herm {

namespace {

void check(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

// What a file says.
void valid(bool holds, const char* what) {
  if (!holds) throw KernelError("HERM_CORRUPT", what);
}

void check_levels(const NodeLanes& lanes, const LaneLevels& levels) {
  check(levels.elements.size() == levels.levels() && levels.strips > 0, "every level needs its extents");
  check(levels.strips == 1 || levels.strips <= lanes.length, "a strip needs an element");
  std::size_t instructions = 0, elements = 0;
  for (std::size_t level = 0; level < levels.levels(); ++level) {
    check(levels.instructions[level] >= instructions && levels.elements[level] >= elements, "levels only ever grow");
    check(levels.strips == 1 || levels.elements[level] == lanes.length, "elements come one by one in one strip only");
    instructions = levels.instructions[level];
    elements = levels.elements[level];
  }
  check(instructions <= lanes.instructions() && elements <= lanes.length, "levels reach beyond the lanes");
}

}  // namespace

void check_lanes(const NodeLanes& lanes, const LaneLevels& levels) {
  const std::size_t n = lanes.instructions(), nodes = lanes.roots + 2 * n;
  check(lanes.shift >= 0 && lanes.shift <= mantissa_bits(lanes.dtype), "shift is out of range");
  check(lanes.coefficients.size() == 2 * n && lanes.followed.size() == n, "every instruction needs its coefficients");
  check(lanes.floors.size() == nodes && lanes.rows.size() == nodes, "every node needs its floor and row");
  check(lanes.element_floors.empty() || lanes.element_floors.size() == lanes.length, "elements need one floor each");
  const int highest = highest_floor(lanes.dtype);
  for (const std::uint32_t row : lanes.rows) check(row < lanes.row_count, "a row is out of range");
  for (std::size_t k = 0; k < n; ++k) {
    // A node is split after it has appeared.
    valid(lanes.parents[k] < lanes.roots + 2 * k, "an instruction splits a node that comes later");
    double a[2];
    widen(DType::F16, lanes.coefficients.data() + 2 * k, 2, a);
    const bool finite = std::isfinite(a[0]) && std::isfinite(a[1]);
    valid(finite && a[lanes.followed[k] != 0] != 0, "the followed child has no part in its parent");
  }
  for (const std::uint16_t floor : lanes.floors) valid(floor <= highest, "a floor is out of range");
  for (const std::uint16_t floor : lanes.element_floors) valid(floor <= highest, "a floor is out of range");
  check(lanes.gains.empty() || lanes.gains.size() == nodes, "every node needs its gain, or none");
  for (const float gain : lanes.gains) valid(std::isfinite(gain) && gain != 0, "a neuron is no multiple of its lane");
  check_levels(lanes, levels);
}

}  // namespace herm
