// SCA of two neurons in closed form.
#pragma once

#include "kernels/pair.h"
#include "kernels/sca.h"

namespace herm {

// From the Gram matrices of the input parts and of the output parts. False, with nothing written, where the result
// would lose more than four digits or so: parallel parts, or squares near the ends of double precision.
bool shares_from_gram(const Sym2& input, const Sym2& output, PairShares& result);

// A pair's SCA from its vectors, for vectors of any scale.
struct PairSca {
  std::size_t rank = 0;
  std::array<std::vector<double>, 2> basis;  // [rank] components [d]
  PairShares components;
};
PairSca sca_of_pair(const double* first, const double* second, std::size_t dim, std::size_t inputs);

}  // namespace herm
