// Makes the corpora that fuzzers start from: `herm_fuzz_seeds FOLDER` writes FOLDER/<target>/seed-<number>, real
// encodings of small random things, the same every time. Other files there are kept: what fuzzers have found.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "../native/exact_support.h"
#include "hierarchy_fields.h"
#include "kernels/lane_grids.h"
#include "lanes_fields.h"
#include "planes_fields.h"
#include "rans_fields.h"
#include "rans_steps.h"

namespace herm::fuzz {

namespace {

using test::Data, test::Random;
constexpr Data kData[] = {Data::gaussian, Data::coarse, Data::wild, Data::zeros, Data::duplicates};

Bytes words_of(Random& random, std::size_t format, Data data, std::size_t lanes, std::size_t length) {
  return with_dtype(kFormats[format], [&]<DType D>() { return test::random_words<D>(random, data, lanes, length); });
}

Bytes rans_seed(Random& random, std::size_t k) {
  RansFields fields;
  fields.count = 4 * k;
  std::vector<std::uint64_t> values;
  for (std::size_t n = 0; n < fields.count; ++n) {
    fields.steps.push_back(static_cast<std::uint8_t>(random()));
    values.push_back(random() % RansStep(fields.steps.back()).choices);
  }
  return input_of(fields, put_steps(fields.steps, values));
}

Bytes planes_seed(Random& random, std::size_t k) {
  PlanesFields fields;
  fields.log2_bytes = static_cast<int>(k % 4);
  fields.rotate = static_cast<int>(k / 4 % 2);
  fields.blocks = k % 8 == 7;
  fields.count = random() % (k % 3 == 0 ? 1500 : 200);
  Bytes words(fields.bytes());
  // Noise, what repeats, and constants.
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = static_cast<std::uint8_t>(fields.blocks != 0 ? 7
                                         : k % 3 == 0       ? i % 11 * (i % 5)
                                                            : random() % (1 + 25 * (k % 5)));
  }
  Bytes coded(encoded_bound(words.size() >> fields.log2_bytes, fields.layout().bytes));
  coded.resize(encode_words(Job(), fields.layout(), words, coded));
  return input_of(fields, coded);
}

Bytes numbers_seed(Random& random, std::size_t k) {
  NumbersFields fields;
  fields.format = k % 4;
  fields.columns = k % 9 == 8 ? 1200 : 1 + random() % 60;
  fields.count = k % 9 == 8 ? 1300 : random() % 150;
  Bytes words = words_of(random, fields.format, kData[k % 5], fields.count, 1);
  // An infinity: left to planes.
  if (k % 11 == 10) std::fill_n(words.begin(), std::min<std::size_t>(words.size(), 8), std::uint8_t{0xff});
  Bytes coded(encoded_numbers_bound(fields.array(), fields.count));
  coded.resize(encode_numbers(Job(), fields.array(), words, coded));
  return input_of(fields, coded);
}

Bytes lanes_seed(Random& random, std::size_t k) {
  LanesFields fields;
  fields.format = k % 4;
  fields.even = k % 3 == 0;
  fields.only_followed = k % 6 == 0;
  fields.length = 1 + random() % (fields.only_followed != 0 ? 8 : 24);
  const std::size_t lanes = 1 + random() % 9, roots = 1 + random() % std::min<std::size_t>(5, lanes);
  const test::Tree tree = test::random_tree(random, lanes, roots);
  Bytes words = words_of(random, fields.format, kData[k % 5], lanes, fields.length);
  test::Nodes nodes = test::unfold(fields.dtype(), std::move(words), lanes, fields.length, tree, {}, fields.even != 0);
  fields.roots = roots;
  fields.shift = nodes.shift;
  fields.instructions = fields.wanted = tree.merges();
  fields.parents = nodes.parents;
  fields.coefficients = nodes.coefficients;
  fields.followed = nodes.followed;
  fields.floors = nodes.floors;
  for (const float gain : nodes.gains) fields.gain_bits.push_back(std::bit_cast<std::uint32_t>(gain));
  fields.levels = 1 + k % 3;
  // Elements appear from level to level in a single strip alone.
  fields.strips = k % 5 == 4 ? std::min<std::size_t>(2, fields.length) : 1;
  for (std::size_t level = 1; level <= fields.levels; ++level) {
    const bool all = level == fields.levels || fields.strips > 1;
    fields.level_instructions.push_back(static_cast<std::uint32_t>(tree.merges() * level / fields.levels));
    fields.level_elements.push_back(static_cast<std::uint32_t>(all ? fields.length : fields.length / 2));
  }
  fields.sizes.resize(fields.extents().sections());
  if (fields.only_followed != 0) fields.known = nodes.words;
  Bytes coded;
  encode_lanes(Job(), fields.view(nodes.rows, nodes.words), fields.extents(), nodes.element_shifts, coded,
               fields.sizes);
  return input_of(fields, coded);
}

Bytes hierarchy_seed(Random& engine, std::size_t k) {
  oracle::Random random(static_cast<unsigned>(engine()));
  HierarchyFields fields;
  fields.weights = k % 4;
  fields.biases = k / 2 % 4;
  fields.gated = k % 3 == 0;
  fields.with_biases = k % 2 == 0;
  fields.roots = 1 + random.below(20);
  fields.merges = random.below(30);
  const auto merges = static_cast<std::uint32_t>(fields.merges);
  fields.level_instructions = {0, merges / 2, merges};
  oracle::HierarchyArrays arrays = oracle::random_hierarchy(random, fields.form());
  Bytes coded;
  fields.sizes.resize(3);
  arrays.with_view(
      [&](const Hierarchy& view) { encode_hierarchy(Job(), view, fields.level_instructions, coded, fields.sizes); });
  // Every fourth without its last level.
  fields.levels = k % 4 == 3 ? 2 : 3;
  if (fields.levels == 2) coded.resize(coded.size() - fields.sizes[2]);
  fields.level_instructions.resize(fields.levels);
  fields.sizes.resize(fields.levels);
  return input_of(fields, coded);
}

void write_seeds(const std::filesystem::path& folder, Bytes (*seed)(Random&, std::size_t)) {
  std::filesystem::create_directories(folder);
  Random random(1);
  for (std::size_t k = 0; k < 36; ++k) {
    const Bytes bytes = seed(random, k);
    std::string number = std::to_string(k);
    if (k < 10) number.insert(0, "0");
    std::ofstream file(folder / ("seed-" + number), std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) throw std::runtime_error("cannot write " + folder.string());
  }
}

}  // namespace

}  // namespace herm::fuzz

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("Usage: herm_fuzz_seeds FOLDER\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  using namespace herm::fuzz;
  write_seeds(folder / "hierarchy", hierarchy_seed);
  write_seeds(folder / "lanes", lanes_seed);
  write_seeds(folder / "numbers", numbers_seed);
  write_seeds(folder / "planes", planes_seed);
  write_seeds(folder / "rans", rans_seed);
  return 0;
}
