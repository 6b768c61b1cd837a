#include "kernels/close_up.h"
#include "kernels/gram.h"
#include "kernels/living_gram.h"
#include "kernels/profile_table.h"

namespace herm {

class ComputedGram final : public LivingGram {
 public:
  explicit ComputedGram(const NeuronPairs& neurons) : neurons_(neurons) {}

  void read(std::span<const std::uint32_t> positions, const Living& living, std::size_t begin, std::size_t end,
            GramWindow& window) const override;
  void append(const Job& /*job*/, const std::vector<Union>& /*unions*/, const Living& /*living*/) override {}
  void compact(const Job& /*job*/, const Living& /*living*/) override {}

 private:
  const NeuronPairs& neurons_;
};

void ComputedGram::read(std::span<const std::uint32_t> positions, const Living& living, std::size_t begin,
                        std::size_t end, GramWindow& window) const {
  const auto kinds = neurons_.kinds();
  const std::size_t count = positions.size(), stride = end - begin + kSweepPadding;
  window.rows_.assign(count, {});
  window.values_.resize(kinds.size() * count * stride);
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    float* values = window.values_.data() + k * count * stride;
    for (std::size_t i = 0; i < count; ++i) window.rows_[i][k] = values + i * stride;
    const auto rows = neurons_.side(kinds[k].row_side).view(), cols = neurons_.side(kinds[k].col_side).view();
    window.left_.resize(count * rows.cols);
    for (std::size_t i = 0; i < count; ++i) {
      std::copy_n(rows.row(positions[i]), rows.cols, window.left_.data() + i * rows.cols);
    }
    multiply_rows(MatrixView<const float>(window.left_.data(), count, rows.cols), cols.rows_from(begin, end),
                  MatrixView<float>(values, count, end - begin, stride));
    if (living.positions().size() == living.size()) continue;
    for (std::size_t i = 0; i < count; ++i) close_up(values + i * stride, living, begin, end, values + i * stride);
  }
}

std::unique_ptr<LivingGram> make_computed_gram(const NeuronPairs& neurons) {
  return std::make_unique<ComputedGram>(neurons);
}

}  // namespace herm
