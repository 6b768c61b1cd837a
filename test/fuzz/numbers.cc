// Arrays of numbers.
#include "numbers_fields.h"
#include "targets.h"

namespace herm::fuzz {

void numbers(Input input) {
  FieldReader reader(input);
  NumbersFields fields;
  fields.pass(reader);
  const NumberArray array = fields.array();
  Bytes words(fields.count * dtype_bytes(array.dtype));
  if (!returns([&] { decode_numbers(Job(), array, reader.rest(), words); })) return;
  Bytes coded(encoded_numbers_bound(array, fields.count)), back(words.size());
  coded.resize(encode_numbers(Job(), array, words, coded));
  decode_numbers(Job(), array, coded, back);
  require(back == words, "numbers change");
}

}  // namespace herm::fuzz
