// The interaction of a block's neurons: input kernel Φ, output Gram H, Γ = Φ ∘ H (docs/theory.md, section 1).
#pragma once

#include <vector>

#include "kernels/activation.h"
#include "kernels/job.h"
#include "kernels/matrix_view.h"

namespace herm {

// The input side of a set of neurons under the isotropic prior x ~ N(0, I). Neurons are rows; series are stored
// degree-major so that one neuron's kernel with all others is a sweep of contiguous multiply-adds.
struct InputNeurons {
  Activation activation;
  std::vector<double> dev;        // n_i [m], deviation of the pre-activation
  std::vector<double> mean;       // μ_i [m]
  std::vector<double> second;     // Φ_ii [m], exact
  std::vector<double> even_tail;  // [m]
  std::vector<double> odd_tail;   // [m]
  Matrix series;                  // [(D+1)×m], and columns of padding

  std::size_t size() const { return dev.size(); }
  std::size_t degree() const { return series.rows() - 1; }
};

// From squared deviations (the input Gram's diagonal) [m] and means [m].
InputNeurons expand_neurons(const Job& job, const HermiteExpander& expander, const double* squared_dev,
                            const double* mean, std::size_t m);

// Re-expands neuron i after its deviation or mean changed.
void expand_neuron(InputNeurons& neurons, std::size_t i, const HermiteExpander& expander, double squared_dev,
                   double mean);

// out[j] = Φ(a_i, b_j) for j in [begin, end), with input_gram[j] = ⟨w_i, w_j⟩ (not a correlation). When `a` and `b` are
// the same object, out[i] is the exact second moment. A neuron of deviation 0 is the constant φ(μ).
void kernel_row(const InputNeurons& a, std::size_t i, const InputNeurons& b, const double* input_gram,
                std::size_t begin, std::size_t end, double* out);

// The same where `input_gram` and `out` hold only the entries [begin, end), as tiles do.
void kernel_span(const InputNeurons& a, std::size_t i, const InputNeurons& b, const double* input_gram,
                 std::size_t begin, std::size_t end, double* out);

// The whole Φ [m×m] from the input Gram [m×m], of which the upper triangle is read; symmetric to the bit. `out` may be
// the Gram itself.
void kernel_matrix(const Job& job, const InputNeurons& neurons, ConstMatrix input_gram, MutMatrix out);

// A block's functions: input weights [m×n], biases [m] (null: none), output weights as neuron rows [m×p]. In a gated
// block these are the value branch (u·x + b_u), and `gate`, `gate_bias` are the branch that φ acts on.
struct BlockNeurons {
  ConstMatrix input;
  const double* bias = nullptr;
  ConstMatrix output;
  ConstMatrix gate{};
  const double* gate_bias = nullptr;

  bool gated() const { return gate.rows > 0; }
};

// Throws KernelError NON_FINITE, naming the weights, where one is NaN or infinite.
void require_finite(const BlockNeurons& block);

// The input side of a block without gates.
InputNeurons expand_block(const Job& job, const HermiteExpander& expander, const BlockNeurons& block);

// ‖f‖² of a block without its output bias, in L²(x ~ N(0, I)).
double squared_norm(const Job& job, const HermiteExpander& expander, const BlockNeurons& block);

// ‖f − g‖² of two blocks with the same inputs and outputs (any numbers of neurons), from fresh Gram matrices in row
// tiles, with compensated sums. `squared_f` is squared_norm(f), computed once for many g.
double squared_distance(const Job& job, const HermiteExpander& expander, const BlockNeurons& f, double squared_f,
                        const BlockNeurons& g);

}  // namespace herm
