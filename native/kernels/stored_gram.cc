#include <algorithm>

#include "kernels/close_up.h"
#include "kernels/gram.h"
#include "kernels/large_array.h"
#include "kernels/living_gram.h"
#include "kernels/profile_table.h"
#include "kernels/squares.h"
#include "kernels/threads.h"

namespace herm {

namespace {

constexpr std::size_t kRows = 32;          // rows that a thread takes at a time
constexpr std::size_t kLine = kLineWords;  // floats

}  // namespace

class StoredGram final : public LivingGram {
 public:
  StoredGram(const Job& job, const NeuronPairs& neurons, std::size_t capacity);

  void read(std::span<const std::uint32_t> positions, const Living& living, std::size_t begin, std::size_t end,
            GramWindow& window) const override;
  void append(const Job& job, const std::vector<Union>& unions, const Living& living) override;
  void compact(const Job& job, const Living& living) override;

 private:
  float* row(std::size_t kind, std::size_t p) { return matrices_[kind].data() + place_[p] * stride_; }
  const float* row(std::size_t kind, std::size_t p) const { return matrices_[kind].data() + place_[p] * stride_; }
  void combine_rows(const Union& merge);
  void combine_columns(const std::vector<Union>& unions, std::size_t t);
  void mirror_columns(const std::vector<Union>& unions, std::size_t t);
  void extend_rows(std::size_t kind, const std::vector<Union>& unions, const Living& living, std::size_t begin,
                   std::size_t end);

  std::vector<GramKind> kinds_;
  std::size_t width_, stride_;
  std::vector<LargeArray> matrices_;  // [m×stride], one a kind
  std::vector<std::uint32_t> place_;  // of a position's row in memory
};

StoredGram::StoredGram(const Job& job, const NeuronPairs& neurons, std::size_t capacity)
    : kinds_(neurons.kinds().begin(), neurons.kinds().end()),
      width_(neurons.size()),
      stride_((capacity + kSweepPadding + kLine - 1) / kLine * kLine),
      place_(capacity) {
  const std::size_t m = width_;
  for (std::size_t k = 0; k < kinds_.size(); ++k) {
    matrices_.emplace_back(checked_mul(m, stride_));
    const MatrixView<float> out(matrices_.back().data(), m, m, stride_);
    const auto& kind = kinds_[k];
    const auto rows = neurons.side(kind.row_side).view(), cols = neurons.side(kind.col_side).view();
    if (kind.mirror == k) {
      gram(job, rows, out);
    } else if (kind.mirror > k) {
      cross_gram(job, rows, cols, out);
    } else {
      transpose(job, MatrixView<const float>(matrices_[kind.mirror].data(), m, m, stride_), out);
    }
  }
  for (std::size_t p = 0; p < m; ++p) place_[p] = static_cast<std::uint32_t>(p);
}

void StoredGram::read(std::span<const std::uint32_t> positions, const Living& living, std::size_t begin,
                      std::size_t end, GramWindow& window) const {
  const bool all = living.positions().size() == living.size();
  const std::size_t stride = end - begin + kSweepPadding;
  window.rows_.assign(positions.size(), {});
  if (!all) window.values_.resize(positions.size() * kinds_.size() * stride);
  float* to = window.values_.data();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    for (std::size_t k = 0; k < kinds_.size(); ++k, to += stride) {
      const float* const values = row(k, positions[i]) + begin;
      if (!all) close_up(values, living, begin, end, to);
      window.rows_[i][k] = all ? values : to;
    }
  }
}

// A parent takes its first child's memory.
void StoredGram::combine_rows(const Union& merge) {
  for (std::size_t k = 0; k < kinds_.size(); ++k) {
    const auto& mix = merge.mix[kinds_[k].row_side];
    const auto x = static_cast<float>(mix[0]), y = static_cast<float>(mix[1]);
    float* to = row(k, merge.first);
    const float* with = row(k, merge.second);
    for (std::size_t c = 0; c < width_; c += kLine) {  // into the padding, if need be
      __builtin_prefetch(to + c + kReadAhead, 1);
      __builtin_prefetch(with + c + kReadAhead);
      for (std::size_t l = c; l < c + kLine; ++l) to[l] = x * to[l] + y * with[l];
    }
  }
}

// Parents' correlations with each other: the upper triangle from rows that already are their parents' …
void StoredGram::combine_columns(const std::vector<Union>& unions, std::size_t t) {
  for (std::size_t k = 0; k < kinds_.size(); ++k) {
    float* to = row(k, unions[t].first);
    for (std::size_t u = t; u < unions.size(); ++u) {
      const auto& mix = unions[u].mix[kinds_[k].col_side];
      to[width_ + u] =
          static_cast<float>(mix[0]) * to[unions[u].first] + static_cast<float>(mix[1]) * to[unions[u].second];
    }
  }
}

// … and the lower one as the mirror kind has it, so that both agree to the bit.
void StoredGram::mirror_columns(const std::vector<Union>& unions, std::size_t t) {
  for (std::size_t k = 0; k < kinds_.size(); ++k)
    for (std::size_t u = 0; u < t; ++u)
      row(k, unions[t].first)[width_ + u] = row(kinds_[k].mirror, unions[u].first)[width_ + t];
}

// Every other row gets one number from every parent's row: in squares, one cache line a row.
void StoredGram::extend_rows(std::size_t kind, const std::vector<Union>& unions, const Living& living,
                             std::size_t begin, std::size_t end) {
  const std::size_t count = unions.size();
  std::array<float, kLine> nobody;     // takes what the dead would get, whose memory may be a parent's
  std::array<float*, kRows> ends;      // where the rows get longer
  std::array<const float*, kLine> of;  // parents' rows
  for (std::size_t l = 0; l < kRows; ++l) {
    const std::size_t p = begin + l;
    ends[l] = p < end && living[p] ? row(kind, p) + width_ : nullptr;
    for (std::size_t t = 0; ends[l] && t < count + kLine; t += kLine) __builtin_prefetch(ends[l] + t, 1);
  }
  Lines<const std::uint8_t> from;
  Lines<std::uint8_t> to;
  for (std::size_t t = 0; t < count; t += kLine) {
    // Beyond the last parent there is padding, and nobody beyond the last position.
    for (std::size_t l = 0; l < kLine; ++l)
      of[l] = row(kinds_[kind].mirror, unions[std::min(t + l, count - 1)].first) + begin;
    for (std::size_t square = 0; square < end - begin; square += kLine) {
      for (std::size_t l = 0; l < kLine; ++l) {
        from[l] = reinterpret_cast<const std::uint8_t*>(of[l] + square);
        float* const row_end = ends[square + l];
        to[l] = reinterpret_cast<std::uint8_t*>(row_end ? row_end + t : nobody.data());
      }
      transpose_lines(from, to);
    }
  }
}

void StoredGram::append(const Job& job, const std::vector<Union>& unions, const Living& living) {
  const std::size_t count = unions.size();
  parallel_for(job, count, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      combine_rows(unions[t]);
      combine_columns(unions, t);
    }
  });
  parallel_for(job, count, kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) mirror_columns(unions, t);
  });
  parallel_for(job, width_, kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = 0; k < kinds_.size(); ++k) extend_rows(k, unions, living, begin, end);
  });
  for (std::size_t t = 0; t < count; ++t) place_[width_ + t] = place_[unions[t].first];
  width_ += count;
}

void StoredGram::compact(const Job& job, const Living& living) {
  const auto& kept = living.positions();
  for (std::size_t p = 0; p < kept.size(); ++p) place_[p] = place_[kept[p]];
  width_ = kept.size();
  parallel_for(job, kept.size(), kRows, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p)
      for (std::size_t k = 0; k < kinds_.size(); ++k) close_up(row(k, p), living, 0, living.size(), row(k, p));
  });
}

std::unique_ptr<LivingGram> make_stored_gram(const Job& job, const NeuronPairs& neurons, std::size_t capacity) {
  return std::make_unique<StoredGram>(job, neurons, capacity);
}

}  // namespace herm
