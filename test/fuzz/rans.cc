// Streams of the entropy coder.
#include "rans_fields.h"
#include "rans_steps.h"
#include "targets.h"

namespace herm::fuzz {

void rans(Input input) {
  FieldReader reader(input);
  RansFields fields;
  fields.pass(reader);
  std::vector<std::uint64_t> values;
  const bool whole = returns([&] {
    RansDecoder coder(reader.rest(), RansEncoder::kMostStates);
    values = take_steps(coder, fields.steps);
  });
  if (!whole) return;
  const Bytes stream = put_steps(fields.steps, values);
  // A stream has one form, but for zeros that its length may end in.
  require(stream.size() <= reader.rest().size(), "symbols need more bytes than they came from");
  RansDecoder coder(stream, RansEncoder::kMostStates);
  require(take_steps(coder, fields.steps) == values, "symbols change");
}

}  // namespace herm::fuzz
