// Words in planes of bytes.
#include "planes_fields.h"
#include "targets.h"

namespace herm::fuzz {

void planes(Input input) {
  FieldReader reader(input);
  PlanesFields fields;
  fields.pass(reader);
  const WordLayout layout = fields.layout();
  Bytes words(fields.bytes());
  std::size_t used = 0;
  if (!returns([&] { used = decode_words(Job(), layout, reader.rest(), words); })) return;
  require(used <= reader.rest().size(), "more is read than there is");
  if (fields.blocks > 0) return;  // zstd is slow
  Bytes coded(encoded_bound(fields.count, layout.bytes)), back(words.size());
  coded.resize(encode_words(Job(), layout, words, coded));
  require(decode_words(Job(), layout, coded, back) == coded.size() && back == words, "words change");
}

}  // namespace herm::fuzz
