// SCA of two neurons from their vectors.
#pragma once

#include "kernels/sca.h"

namespace herm {

// A pair's SCA from its vectors, for vectors of any scale.
struct PairSca {
  std::size_t rank = 0;
  std::array<std::vector<double>, 2> basis;  // [rank] components [d]
  PairShares components;
};
PairSca sca_of_pair(const double* first, const double* second, std::size_t dim, std::size_t inputs);

}  // namespace herm
