// Blocks of the tests as the kernels read them.
#pragma once

#include <vector>

#include "gated_block.h"
#include "kernels/stored_block.h"
#include "test_block.h"

namespace oracle {

inline herm::StoredMatrix view_of(const herm::Matrix& x) {
  return {herm::DType::F64, x.data(), x.rows(), x.cols(), false};
}
inline herm::StoredMatrix view_of(const std::vector<double>& x) {
  return {herm::DType::F64, x.data(), 1, x.size(), false};
}

inline herm::StoredBlock stored(const TestBlock& block) {
  herm::StoredBlock out;
  out.input = view_of(block.input);
  out.output = view_of(block.output);
  out.bias = view_of(block.bias);
  out.has_bias = true;
  return out;
}

inline herm::StoredBlock stored(const GatedTestBlock& block) {
  herm::StoredBlock out;
  out.input = view_of(block.value);
  out.bias = view_of(block.value_bias);
  out.output = view_of(block.output);
  out.gate = view_of(block.gate);
  out.gate_bias = view_of(block.gate_bias);
  out.has_bias = out.has_gate = out.has_gate_bias = true;
  return out;
}

}  // namespace oracle
