// The numbers of a hierarchy's nodes.
#include "kernels/float_grid.h"
#include "kernels/lane_grids.h"
#include "kernels/words.h"
#include "lanes_fields.h"
#include "targets.h"

namespace herm::fuzz {

namespace {

// What is known was decoded before, and so is finite, whatever the file says.
template <DType D>
void make_finite(Bytes& words) {
  using Word = typename FloatGrid<D>::Word;
  for (std::size_t k = 0; k < words.size() / sizeof(Word); ++k) {
    const auto word = load_word<Word>(words.data(), k);
    if (!FloatGrid<D>::finite(word)) store_word(words.data(), k, static_cast<Word>(word & ~(FloatGrid<D>::kSign >> 1)));
  }
}

template <DType D>
bool all_finite(const Bytes& words) {
  using Word = typename FloatGrid<D>::Word;
  for (std::size_t k = 0; k < words.size() / sizeof(Word); ++k) {
    if (!FloatGrid<D>::finite(load_word<Word>(words.data(), k))) return false;
  }
  return true;
}

// Shifts are not handed out, and the encoder wants them: only lanes whose elements have none go both ways.
void check_round_trip(const LanesFields& fields, const std::vector<std::uint32_t>& rows, Bytes words) {
  const std::vector<std::int8_t> shifts(fields.length);
  std::vector<std::uint64_t> sizes(fields.sizes.size());
  Bytes coded, back = fields.only_followed != 0 ? words : Bytes(words.size());
  try {
    encode_lanes(Job(), fields.view(rows, words), fields.extents(), shifts, coded, sizes);
  } catch (const std::logic_error&) {
    return;  // children that were told both need not give their parent; the encoder never writes such
  }
  decode_lanes(Job(), fields.view(rows, back), fields.extents(), fields.instructions, coded, sizes);
  require(back == words, "numbers change");
}

}  // namespace

void lanes(Input input) {
  FieldReader reader(input);
  LanesFields fields;
  fields.pass(reader);
  const std::vector<std::uint32_t> rows = fields.rows();
  Bytes words = fields.known;
  words.resize(fields.bytes());
  with_dtype(fields.dtype(), [&]<DType D>() { make_finite<D>(words); });
  const bool decoded = returns([&] {
    decode_lanes(Job(), fields.view(rows, words), fields.extents(), fields.wanted, reader.rest(), fields.sizes);
  });
  require(with_dtype(fields.dtype(), [&]<DType D>() { return all_finite<D>(words); }), "a number is not finite");
  const bool whole = fields.levels > 0 && fields.wanted == fields.instructions;
  if (decoded && whole && fields.even != 0) check_round_trip(fields, rows, words);
}

}  // namespace herm::fuzz
