#include "kernels/block_gid.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "kernels/block_kernel.h"
#include "kernels/decompose.h"
#include "kernels/gram.h"
#include "kernels/pair_walk.h"

namespace herm {

namespace {

// Biases of some neurons, none where there are none.
std::vector<double> select_biases(const double* bias, const std::vector<std::uint32_t>& neurons) {
  std::vector<double> selected;
  if (!bias) return selected;
  for (const std::uint32_t i : neurons) selected.push_back(bias[i]);
  return selected;
}

const double* pointer(const std::vector<double>& biases) { return biases.empty() ? nullptr : biases.data(); }

// Some neurons of a block, as a block.
class Selection {
 public:
  Selection(const BlockNeurons& block, const std::vector<std::uint32_t>& neurons)
      : input_(select_rows(block.input, neurons)),
        output_(select_rows(block.output, neurons)),
        bias_(select_biases(block.bias, neurons)),
        gate_bias_(select_biases(block.gate_bias, neurons)) {
    if (block.gated()) gate_ = select_rows(block.gate, neurons);
    require_finite(view());
  }

  BlockNeurons view() const {
    return {input_.view(), pointer(bias_), output_.view(), gate_.view(), pointer(gate_bias_)};
  }

 private:
  Matrix input_, output_, gate_;
  std::vector<double> bias_, gate_bias_;
};

struct Grams {
  Matrix phi, h;
};

Grams grams_of(const Job& job, const HermiteExpander& expander, const BlockNeurons& block) {
  const std::size_t m = block.input.rows;
  Grams grams{Matrix(m, m), Matrix(m, m)};
  BlockKernel(job, expander, block).matrix(job, grams.phi.view());
  gram(job, block.output, grams.h.view());
  return grams;
}

double dot(ConstMatrix a, std::size_t i, std::size_t j) {
  return std::inner_product(a.row(i), a.row(i) + a.cols, a.row(j), 0.0);
}

// Φ and H of a block, which the kernel's expansions refer to as well.
PairGrams pair_grams(const Job& job, const BlockKernel& kernel, ConstMatrix output) {
  PairGrams grams{std::vector<double>(kernel.size()), gram_diagonal(job, output), {}, {}};
  for (std::size_t i = 0; i < kernel.size(); ++i) grams.input_diagonal[i] = kernel.second(i);
  grams.tile = [&kernel, output](const KernelTile& at, MutMatrix phi, MutMatrix h) {
    kernel.tile(kernel, at, true, phi);
    multiply_rows(output.rows_from(at.i, at.i_end), output.rows_from(at.j, at.j_end), h);
  };
  grams.entry = [&kernel, output](std::size_t i, std::size_t j) {
    return std::pair{kernel.entry(i, j), dot(output, i, j)};
  };
  return grams;
}

}  // namespace

NeuronGid block_gid(const Job& job, const Activation& activation, const BlockNeurons& block,
                    const std::vector<std::uint32_t>& neurons) {
  for (const std::uint32_t i : neurons) {
    if (i >= block.input.rows) throw std::invalid_argument("the group names a neuron that does not exist");
  }
  const Selection selection(block, neurons);
  const BlockNeurons group = selection.view();
  const HermiteExpander expander(activation, kSearchDegree);
  if (neurons.size() == 2) return pair_gid(job, expander, group);
  Grams grams = grams_of(job, expander, group);
  NeuronGid result{std::move(grams.phi), std::move(grams.h), {}};
  result.gid = gid(job, result.phi.view(), result.h.view());
  return result;
}

NeuronGid pair_gid(const Job& job, const HermiteExpander& expander, const BlockNeurons& pair) {
  require_finite(pair);
  Grams grams = grams_of(job, expander, pair);
  const Sym2 phi{grams.phi(0, 0), grams.phi(0, 1), grams.phi(1, 1)};
  const Factor2 h = factor_vectors(pair.output.row(0), pair.output.row(1), pair.output.cols);
  return {std::move(grams.phi), std::move(grams.h), to_gid(gid_pair(factor_gram(phi), h))};
}

void block_gate_spectrum(const Job& job, const Activation& activation, const BlockNeurons& block, double* gates) {
  require_finite(block);
  const Grams grams = grams_of(job, HermiteExpander(activation, kSearchDegree), block);
  const std::vector<double> spectrum = gate_spectrum(job, grams.phi.view(), grams.h.view());
  std::copy(spectrum.begin(), spectrum.end(), gates);
}

void block_pair_gates(const Job& job, const Activation& activation, const BlockNeurons& block,
                      const std::uint32_t* pairs, std::size_t count, double* gates) {
  const PairIndex index(job, pairs, count, block.input.rows);
  std::optional<Selection> selection;
  if (index.neurons().size() < block.input.rows) {
    selection.emplace(block, index.neurons());
  } else {
    require_finite(block);
  }
  const BlockNeurons chosen = selection ? selection->view() : block;
  const BlockKernel kernel(job, HermiteExpander(activation, kSearchDegree), chosen);
  for_each_batch(job, index, pair_grams(job, kernel, chosen.output),
                 [&](const PairBatch& batch, const std::size_t* numbers) {
                   std::array<PairBatch::Row, 2> sigma;
                   pair_gates(batch, sigma);
                   for (std::size_t k = 0; k < batch.size; ++k) {
                     for (std::size_t l = 0; l < 2; ++l) gates[2 * numbers[k] + l] = sigma[l][k];
                   }
                 });
}

}  // namespace herm
