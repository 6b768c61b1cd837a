// Lanes as bits: the numbers of a hierarchy's nodes (exact_tree.h), coded coarse to fine. Roots are coded by
// themselves. Each instruction splits a parent into its children: the coded child is told in the light of the parent,
// and of the followed child only which of those numbers it is that give this parent.
//
// A matrix is cut into *strips* of elements; each has its own models, which keep learning from level to level. A
// strip's stream of one level is two sections (rans.h): (A) the level's instructions for the elements that were there
// before, (B) for the elements that are new with this level: their shifts, the roots, and all instructions so far. A
// section of no numbers is empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/job.h"

namespace herm {

// The nodes of one axis of a tensor, and where their numbers are.
struct NodeLanes {
  DType dtype = DType::F32;
  int shift = 0;
  std::size_t roots = 0;                        // K; nodes 0 … K − 1
  std::span<const std::uint32_t> parents;       // [N] the node that instruction n splits, into K + 2n and K + 2n + 1
  std::span<const std::uint16_t> coefficients;  // [2N] half-precision bits of the children
  std::span<const std::uint8_t> followed;       // [N] 1 where the second child is the followed one
  std::span<const std::uint16_t> floors;        // [K + 2N] floor of a node's grid, 0 where it is the tensor's own
  std::span<const float> gains;                 // [K + 2N] a node is its lane times this; or empty: all 1
  std::span<const std::uint32_t> rows;          // [K + 2N] the row of each node
  std::size_t row_count = 0;
  std::size_t length = 0;                         // elements of a row
  std::span<const std::uint16_t> element_floors;  // [length] at least these floors, or empty
  bool only_followed = false;                     // roots and coded children are known: only followed ones are coded
  std::uint8_t* words = nullptr;                  // [row_count×length]
  bool even = false;                              // elements are of one scale: their shifts are 0, and not coded

  std::size_t instructions() const { return parents.size(); }
};

// How far each level reaches, and where the strips end.
struct LaneLevels {
  std::span<const std::uint32_t> instructions;  // [levels]
  std::span<const std::uint32_t> elements;      // [levels]
  std::size_t strips = 1;                       // more than one only if all elements are there from the first level on

  std::size_t levels() const { return instructions.size(); }
  std::size_t sections() const { return 2 * strips * levels(); }  // by level, strip, A or B
};

// Elements of a strip at most, where there are several.
inline constexpr std::size_t kStripElements = 1024;

// Levels by which the elements of lanes differ in scale, from the original numbers [lanes×length].
std::vector<std::int8_t> element_shifts(const Job& job, DType dtype, const std::uint8_t* words, std::size_t lanes,
                                        std::size_t length);

// All sections, one after the other in `out`; their lengths in `sizes` [sections].
void encode_lanes(const Job& job, const NodeLanes& lanes, const LaneLevels& levels,
                  std::span<const std::int8_t> element_shifts, std::vector<std::uint8_t>& out,
                  std::span<std::uint64_t> sizes);

// Lanes to fill from their sections.
struct CodedLanes {
  std::string name;  // of the tensor, for messages; may be empty
  NodeLanes lanes;
  LaneLevels levels;
  std::size_t wanted = 0;                               // instructions
  std::vector<std::span<const std::uint8_t>> sections;  // by level, strip, A or B
};

// Fills the rows of all nodes that the levels reach, of the last one only those of the first `wanted` instructions.
// Children may share the rows of their parents: each row then holds what it holds at that width. All lanes are decoded
// side by side. KernelError HERM_CORRUPT where sections are not what encode_lanes makes.
void decode_lanes(const Job& job, std::span<const CodedLanes> all);
// Of one, the sections one after the other in `data`.
void decode_lanes(const Job& job, const NodeLanes& lanes, const LaneLevels& levels, std::size_t wanted,
                  std::span<const std::uint8_t> data, std::span<const std::uint64_t> sizes);

}  // namespace herm
