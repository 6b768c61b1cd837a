#include "kernels/symmetry.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/decompose.h"
#include "kernels/threads.h"
#include "kernels/unit_row.h"

namespace herm {

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr std::size_t kProjections = 8;
constexpr std::size_t kRows = 16;  // rows a thread takes at a time

using Key = std::array<double, kProjections>;

bool all_zero(const double* row, std::size_t n) {
  return std::all_of(row, row + n, [](double x) { return x == 0; });
}

// Pseudo-random in [−1, 1), the same everywhere: splitmix64 of a counter.
double noise(std::uint64_t counter) {
  std::uint64_t z = (counter + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>(static_cast<std::int64_t>(z ^ (z >> 31))) * 0x1p-63;
}

// Weights and bias of every neuron, scaled to length 1 where scale does not matter; `floor`: absolute rounding of an
// entry.
struct Forms {
  Matrix rows;                // [m×(n+1)]
  std::vector<double> floor;  // [m]
  double relative = 0;        // most that one of two roundings moves an entry, of the entry
};

Forms forms_of(const Job& job, ConstMatrix weights, const double* biases, bool scaled, const Rounding& input,
               const Rounding& bias) {
  const std::size_t m = weights.rows, n = weights.cols;
  Forms forms{Matrix(m, n + 1), std::vector<double>(m), 0};
  if (scaled) forms.relative = std::max(input.relative, bias.relative) + static_cast<double>(n + 2) * kEpsilon;
  parallel_for(job, m, kRows, [&](std::size_t begin, std::size_t end) {
    std::vector<double> row(n + 1);
    for (std::size_t i = begin; i < end; ++i) {
      std::copy_n(weights.row(i), n, row.data());
      row[n] = biases ? biases[i] : 0;
      if (!scaled) {
        std::copy_n(row.data(), n + 1, forms.rows.row(i));
        continue;
      }
      const RowNorm norm = unit_row(row.data(), n + 1, forms.rows.row(i));
      const double absolute = std::max(input.absolute, bias.absolute);
      if (norm.mantissa > 0) forms.floor[i] = std::ldexp(absolute, -norm.exponent) / norm.mantissa;
    }
  });
  return forms;
}

// Projections onto fixed pseudo-random directions: duplicates have like keys, others hardly ever. Without sign for odd
// activations.
std::vector<Key> keys_of(const Job& job, const Forms& forms, bool odd) {
  const std::size_t width = forms.rows.cols();
  std::vector<double> directions(kProjections * width);
  // Divided by the width: no sum overflows.
  for (std::size_t k = 0; k < directions.size(); ++k) directions[k] = noise(k) / static_cast<double>(width);
  std::vector<Key> keys(forms.rows.rows());
  parallel_for(job, keys.size(), kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const double* row = forms.rows.row(i);
      for (std::size_t k = 0; k < kProjections; ++k) {
        const double dot = std::inner_product(row, row + width, &directions[k * width], 0.0);
        keys[i][k] = odd ? std::fabs(dot) : dot;
      }
    }
  });
  return keys;
}

class Duplicates {
 public:
  Duplicates(const Job& job, Forms forms, bool odd)
      : forms_(std::move(forms)), odd_(odd), keys_(keys_of(job, forms_, odd)) {}

  // Groups the neurons listed, in ascending order, by their smallest member.
  void group(const Job& job, const std::vector<std::uint32_t>& neurons, std::uint32_t* groups) const {
    std::vector<std::uint32_t> order(neurons);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return keys_[a][0] != keys_[b][0] ? keys_[a][0] < keys_[b][0] : a < b;
    });
    const double reach = key_reach();
    for (const std::uint32_t i : neurons) {
      if (groups[i] != i) continue;
      if (i % 64 == 0) job.check();
      const double key = keys_[i][0];
      auto at = std::lower_bound(order.begin(), order.end(), key - reach,
                                 [&](std::uint32_t j, double value) { return keys_[j][0] < value; });
      for (; at != order.end() && keys_[*at][0] <= key + reach; ++at) {
        if (*at > i && groups[*at] == *at && like_keys(i, *at, reach) && duplicate(i, *at)) groups[*at] = i;
      }
    }
  }

 private:
  // How far apart the keys of duplicates can be. A sum Σ r_k δ_k of differences δ over random |r_k| <= 1 exceeds 8 ‖δ‖
  // with a probability below 1e-13, and ‖δ‖ is bounded by what `equal` allows of rows of length 1.
  double key_reach() const {
    const double largest_floor = forms_.floor.empty() ? 0 : *std::max_element(forms_.floor.begin(), forms_.floor.end());
    const double width = static_cast<double>(forms_.rows.cols());
    return 8 * (4 * forms_.relative + 2 * largest_floor * (1 + std::sqrt(width)) * std::sqrt(width)) / width;
  }

  bool like_keys(std::size_t i, std::size_t j, double reach) const {
    for (std::size_t k = 1; k < kProjections; ++k) {
      if (!(std::fabs(keys_[i][k] - keys_[j][k]) <= reach)) return false;
    }
    return true;
  }

  bool duplicate(std::size_t i, std::size_t j) const { return equal(i, j, 1) || (odd_ && equal(i, j, -1)); }

  // Both entries may be rounded, and both lengths with them.
  bool equal(std::size_t i, std::size_t j, double sign) const {
    const double *x = forms_.rows.row(i), *y = forms_.rows.row(j);
    const double width = static_cast<double>(forms_.rows.cols());
    const double floor = (1 + std::sqrt(width)) * (forms_.floor[i] + forms_.floor[j]);
    for (std::size_t k = 0; k < forms_.rows.cols(); ++k) {
      const double largest = std::max(std::fabs(x[k]), std::fabs(y[k]));
      if (!(std::fabs(x[k] - sign * y[k]) <= 4 * forms_.relative * largest + floor)) return false;
    }
    return true;
  }

  Forms forms_;
  bool odd_;
  std::vector<Key> keys_;
};

}  // namespace

Rounding rounding_of(DType dtype) {
  switch (dtype) {
    case DType::F64:
      return {0x1p-53, 0x1p-1074};
    case DType::F32:
      return {0x1p-24, 0x1p-150};
    case DType::F16:
      return {0x1p-11, 0x1p-25};
    default:
      return {0x1p-8, 0x1p-134};
  }
}

namespace {

NeuronClass class_of(const BlockNeurons& block, std::size_t i) {
  const bool no_input = all_zero(block.input.row(i), block.input.cols);
  if (all_zero(block.output.row(i), block.output.cols)) return NeuronClass::Dead;
  if (!block.gated()) return no_input ? NeuronClass::Constant : NeuronClass::Normal;
  if (no_input && (!block.bias || block.bias[i] == 0)) return NeuronClass::Dead;
  return no_input && all_zero(block.gate.row(i), block.gate.cols) ? NeuronClass::Constant : NeuronClass::Normal;
}

// groups[i] := the first of the neurons listed that `groups` and `other` both group with i.
void intersect(const std::vector<std::uint32_t>& neurons, const std::vector<std::uint32_t>& other,
               std::uint32_t* groups) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> first;
  for (const std::uint32_t i : neurons) groups[i] = first.emplace(std::pair{groups[i], other[i]}, i).first->second;
}

}  // namespace

void symmetries(const Job& job, const Activation& activation, const BlockNeurons& block, const BlockRounding& rounding,
                std::uint8_t* classes, std::uint32_t* groups) {
  const std::size_t m = block.input.rows;
  require_finite(block);
  std::vector<std::uint32_t> normal;
  for (std::size_t i = 0; i < m; ++i) {
    const NeuronClass found = class_of(block, i);
    classes[i] = static_cast<std::uint8_t>(found);
    groups[i] = static_cast<std::uint32_t>(i);
    if (found == NeuronClass::Normal) normal.push_back(static_cast<std::uint32_t>(i));
  }
  // What φ acts on agrees up to φ's symmetries; a value branch up to any factor.
  const bool scaled = activation.shape().power != 0;
  if (!block.gated()) {
    Forms forms = forms_of(job, block.input, block.bias, scaled, rounding.input, rounding.bias);
    Duplicates(job, std::move(forms), activation.odd()).group(job, normal, groups);
    return;
  }
  std::vector<std::uint32_t> by_value(groups, groups + m);
  Forms gates = forms_of(job, block.gate, block.gate_bias, scaled, rounding.gate, rounding.gate_bias);
  Duplicates(job, std::move(gates), activation.odd()).group(job, normal, groups);
  Forms values = forms_of(job, block.input, block.bias, true, rounding.input, rounding.bias);
  Duplicates(job, std::move(values), true).group(job, normal, by_value.data());
  intersect(normal, by_value, groups);
}

}  // namespace herm
