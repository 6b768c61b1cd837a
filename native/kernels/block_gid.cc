#include "kernels/block_gid.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "kernels/block_kernel.h"
#include "kernels/decompose.h"
#include "kernels/gram.h"
#include "kernels/pair_index.h"
#include "kernels/threads.h"

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

Grams grams_of(const Job& job, const Activation& activation, const BlockNeurons& block) {
  const std::size_t m = block.input.rows;
  Grams grams{Matrix(m, m), Matrix(m, m)};
  BlockKernel(job, HermiteExpander(activation, kSearchDegree), block).matrix(job, grams.phi.view());
  gram(job, block.output, grams.h.view());
  return grams;
}

double dot(ConstMatrix a, std::size_t i, std::size_t j) {
  return std::inner_product(a.row(i), a.row(i) + a.cols, a.row(j), 0.0);
}

// Gates of few pairs among many neurons: a dot product on either side for each.
void sparse_pair_gates(const Job& job, const Activation& activation, const BlockNeurons& block, const PairIndex& index,
                       const std::uint32_t* pairs, std::size_t count, double* gates) {
  const BlockKernel kernel(job, HermiteExpander(activation, kSearchDegree), block);
  parallel_for(job, count, 256, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) {
      const std::size_t i = index.place(pairs[2 * k]), j = index.place(pairs[2 * k + 1]);
      const Sym2 phi{kernel.second(i), kernel.entry(i, j), kernel.second(j)};
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
  require_finite(block);
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
