// Hierarchies: roots and instructions.
#include "hierarchy_fields.h"
#include "targets.h"

namespace herm::fuzz {

void hierarchy(Input input) {
  FieldReader reader(input);
  HierarchyFields fields;
  fields.pass(reader);
  const std::vector<std::uint32_t>& levels = fields.level_instructions;
  const oracle::HierarchyArrays empty(fields.form(), fields.instructions());
  oracle::HierarchyArrays arrays = empty;
  const bool decoded = returns([&] {
    arrays.with_view(
        [&](const Hierarchy& view) { decode_hierarchy(Job(), view, levels, reader.rest(), fields.sizes); });
  });
  if (!decoded) return;
  Bytes coded;
  std::vector<std::uint64_t> sizes(levels.size());
  arrays.with_view([&](const Hierarchy& view) { encode_hierarchy(Job(), view, levels, coded, sizes); });
  oracle::HierarchyArrays back = empty;
  back.with_view([&](const Hierarchy& view) { decode_hierarchy(Job(), view, levels, coded, sizes); });
  require(back.same(arrays), "a hierarchy changes");
}

}  // namespace herm::fuzz
