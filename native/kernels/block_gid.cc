#include "kernels/block_gid.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "kernels/decompose.h"
#include "kernels/gram.h"
#include "kernels/pair_index.h"
#include "kernels/threads.h"

namespace herm {

namespace {

// Some neurons of a block, as a block.
class Selection {
 public:
  Selection(const BlockNeurons& block, const std::vector<std::uint32_t>& neurons)
      : input_(select_rows(block.input, neurons)), output_(select_rows(block.output, neurons)) {
    require_finite(input_.view(), "the input weights");
    require_finite(output_.view(), "the output weights");
    if (!block.bias) return;
    for (const std::uint32_t i : neurons) bias_.push_back(block.bias[i]);
    require_finite({bias_.data(), 1, bias_.size()}, "the biases");
  }

  BlockNeurons view() const { return {input_.view(), bias_.empty() ? nullptr : bias_.data(), output_.view()}; }

 private:
  Matrix input_, output_;
  std::vector<double> bias_;
};

struct Grams {
  Matrix phi, h;
};

Grams grams_of(const Job& job, const Activation& activation, const BlockNeurons& block) {
  const std::size_t m = block.input.rows;
  Grams grams{Matrix(m, m), Matrix(m, m)};
  gram(job, block.input, grams.phi.view());
  const InputNeurons inputs = expand_block(job, HermiteExpander(activation, kSearchDegree), block);
  kernel_matrix(job, inputs, grams.phi.view(), grams.phi.view());
  gram(job, block.output, grams.h.view());
  return grams;
}

double dot(ConstMatrix a, std::size_t i, std::size_t j) {
  return std::inner_product(a.row(i), a.row(i) + a.cols, a.row(j), 0.0);
}

// Gates of few pairs among many neurons: a dot product on either side for each.
void sparse_pair_gates(const Job& job, const Activation& activation, const BlockNeurons& block, const PairIndex& index,
                       const std::uint32_t* pairs, std::size_t count, double* gates) {
  const InputNeurons inputs = expand_block(job, HermiteExpander(activation, kSearchDegree), block);
  parallel_for(job, count, 256, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      const std::size_t i = index.place(pairs[2 * k]), j = index.place(pairs[2 * k + 1]);
      const double input_dot = dot(block.input, i, j);
      Sym2 phi{inputs.second[i], 0, inputs.second[j]};
      kernel_span(inputs, i, inputs, &input_dot, j, j + 1, &phi.a12);
      const Sym2 h{dot(block.output, i, i), dot(block.output, i, j), dot(block.output, j, j)};
      const auto pair = gid_gates(phi, h);
      std::copy_n(pair.data(), 2, gates + 2 * k);
    }
  });
}

}  // namespace

NeuronGid block_gid(const Job& job, const Activation& activation, const BlockNeurons& block,
                    const std::vector<std::uint32_t>& neurons) {
  for (const std::uint32_t i : neurons) {
    if (i >= block.input.rows) throw std::invalid_argument("the group names a neuron that does not exist");
  }
  const Selection selection(block, neurons);
  const BlockNeurons group = selection.view();
  Grams grams = grams_of(job, activation, group);
  NeuronGid result{std::move(grams.phi), std::move(grams.h), {}};
  if (neurons.size() == 2) {
    const Sym2 phi{result.phi(0, 0), result.phi(0, 1), result.phi(1, 1)};
    const Factor2 h = factor_vectors(group.output.row(0), group.output.row(1), group.output.cols);
    result.gid = to_gid(gid_pair(factor_gram(phi), h));
  } else {
    result.gid = gid(job, result.phi.view(), result.h.view());
  }
  return result;
}

void block_gate_spectrum(const Job& job, const Activation& activation, const BlockNeurons& block, double* gates) {
  require_finite(block.input, "the input weights");
  require_finite({block.bias, block.bias ? std::size_t{1} : 0, block.input.rows}, "the biases");
  require_finite(block.output, "the output weights");
  const Grams grams = grams_of(job, activation, block);
  const std::vector<double> spectrum = gate_spectrum(job, grams.phi.view(), grams.h.view());
  std::copy(spectrum.begin(), spectrum.end(), gates);
}

void block_pair_gates(const Job& job, const Activation& activation, const BlockNeurons& block,
                      const std::uint32_t* pairs, std::size_t count, double* gates) {
  const PairIndex index(pairs, count, block.input.rows);
  const Selection selection(block, index.neurons());
  if (!index.dense()) return sparse_pair_gates(job, activation, selection.view(), index, pairs, count, gates);
  const Grams grams = grams_of(job, activation, selection.view());
  std::vector<std::uint32_t> places(2 * count);
  std::transform(pairs, pairs + 2 * count, places.begin(),
                 [&](std::uint32_t i) { return static_cast<std::uint32_t>(index.place(i)); });
  pair_gates(job, grams.phi.view(), grams.h.view(), places.data(), count, gates);
}

}  // namespace herm
