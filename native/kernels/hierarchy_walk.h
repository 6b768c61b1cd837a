// The walk along a hierarchy that both directions of its coder (hierarchy_code.h) take; Io as in hierarchy_side.h.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/free_slots.h"
#include "kernels/hierarchy_code.h"
#include "kernels/hierarchy_models.h"
#include "kernels/hierarchy_side.h"

namespace herm {

template <class Io>
class HierarchyWalk {
 public:
  HierarchyWalk(Io& io, const Hierarchy& hierarchy)
      : io_(io),
        h_(hierarchy),
        free_(hierarchy.neurons),
        places_(Io::kEncodes ? hierarchy.neurons : 0, kNowhere),
        to_come_(hierarchy.neurons - hierarchy.roots) {
    sides_.emplace_back(h_.input, h_.leaf);
    sides_.emplace_back(h_.output, h_.leaf);
    if (h_.gated) sides_.emplace_back(h_.gate, h_.leaf);
    if (!h_.biases.words.empty()) biases_.emplace_back(h_.biases, sides_[0], h_.leaf);
    if (!h_.gate_biases.words.empty()) biases_.emplace_back(h_.gate_biases, sides_[2], h_.leaf);
  }

  void roots() {
    std::size_t next = 0;
    for (std::size_t root = 0; root < h_.roots; ++root) {
      const std::size_t slot = next + io_.uniform(h_.slots[root] - next, to_come_ + root + 1 - next);
      next = slot + 1;
      free_.take(slot);
      live(root, slot, io_.symbol(models_.root_leaf, h_.leaf[root]) != 0);
      for (SideCoder& side : sides_) side.root(io_, root);
      for (BiasCoder& biases : biases_) biases.root(io_, root);
      settle();
    }
    check_open();
  }

  void instruction(std::size_t n) {
    if (open_.empty()) io_.fail("an instruction has nothing to split");
    const std::size_t first = h_.roots + 2 * n;
    const std::size_t place = io_.uniform(place_of(h_.slots[first]), open_.size());
    const HierarchySplit split{n, open_[place], first};
    AdaptiveModel<4>& model = models_.leaves[(HierarchyModels::kFractions - 1) * open_.size() / to_come_];
    const std::size_t leaves = io_.symbol(model, h_.leaf[first] + std::size_t{2} * h_.leaf[first + 1]);
    const std::size_t i = h_.slots[split.parent], j = code_slot(i, h_.slots[first + 1]);
    close(place);
    live(first, i, (leaves & 1) != 0);
    live(first + 1, j, (leaves & 2) != 0);
    --to_come_;
    check_open();
    std::size_t kind = 0;
    for (SideCoder& side : sides_) {
      const std::size_t told = side.split(io_, split, kind);
      if (&side == &sides_[0]) kind = told;
    }
    for (BiasCoder& biases : biases_) biases.split(io_, split);
    code_cost(h_.costs[n]);
    settle();
  }

 private:
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  // Slot j is one of the free ones above slot i.
  std::size_t code_slot(std::size_t i, std::size_t j) {
    const std::size_t below = free_.below(i), choices = free_.total() - below;
    if (choices == 0) io_.fail("an instruction finds no free slot");
    const std::size_t rank = free_.free(j) ? free_.below(j) - below : kNowhere;
    const std::size_t slot = free_.at(below + io_.uniform(rank, choices));
    free_.take(slot);
    return slot;
  }

  // Costs are bfloat16 numbers, coded as differences of their bits.
  void code_cost(float& cost) {
    const auto bits = std::bit_cast<std::uint32_t>(cost);
    if (Io::kEncodes && (bits & 0xffff) != 0) io_.fail("a cost has more than 16 bits");
    const std::int32_t away = static_cast<std::int32_t>(bits >> 16) - last_cost_;
    const auto code = static_cast<std::size_t>(away < 0 ? -2 * away - 1 : 2 * away);
    const int width = std::bit_width(code);
    const std::size_t symbol =
        io_.symbol(models_.cost, code < kSmallCosts ? code : kSmallCosts + static_cast<std::size_t>(width - 5));
    std::size_t coded = symbol;
    if (symbol >= kSmallCosts) {
      const int low = static_cast<int>(symbol - kSmallCosts) + 4;
      coded = std::size_t{1} << low | io_.bits(code, low);
    }
    const auto half = static_cast<std::int32_t>(coded / 2);
    last_cost_ += coded % 2 == 0 ? half : ~half;
    if (last_cost_ < 0 || last_cost_ > 0xffff) io_.fail("a cost is no number");
    cost = std::bit_cast<float>(static_cast<std::uint32_t>(last_cost_) << 16);
  }

  void live(std::size_t node, std::size_t slot, bool leaf) {
    h_.slots[node] = static_cast<std::uint32_t>(slot);
    h_.leaf[node] = leaf;
    if (leaf) return;
    if constexpr (Io::kEncodes) places_[slot] = open_.size();
    open_.push_back(node);
  }
  // The last one takes the place of the one that is split.
  void close(std::size_t place) {
    if constexpr (Io::kEncodes) places_[h_.slots[open_[place]]] = kNowhere;
    const std::size_t last = open_.back();
    open_.pop_back();
    if (place == open_.size()) return;
    open_[place] = last;
    if constexpr (Io::kEncodes) places_[h_.slots[last]] = place;
  }
  std::size_t place_of(std::size_t slot) const { return slot < places_.size() ? places_[slot] : kNowhere; }
  // So all are original neurons in the end.
  void check_open() const {
    if (open_.size() > to_come_) io_.fail("more neurons are merged than there are instructions");
  }

  void settle() {
    models_.settle();
    for (SideCoder& side : sides_) side.settle();
    for (BiasCoder& biases : biases_) biases.settle();
  }

  Io& io_;
  const Hierarchy& h_;
  HierarchyModels models_;
  FreeSlots free_;
  std::vector<std::size_t> open_;    // living nodes that are merged neurons
  std::vector<std::size_t> places_;  // [m] where the one in a slot is among them, for encoders
  std::size_t to_come_;              // instructions
  std::vector<SideCoder> sides_;
  std::vector<BiasCoder> biases_;
  std::int32_t last_cost_ = 0;
};

}  // namespace herm
