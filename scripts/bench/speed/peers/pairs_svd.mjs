// SCA and GID of pairs by their definitions, with the singular value decompositions of ml-matrix.
import { CholeskyDecomposition, Matrix, SVD } from 'ml-matrix';
import { gram, reluKernel } from './pairs_plain.mjs';

/** [2P] input shares: squared singular values of the input part of an orthonormal basis of the two joint vectors (w, v). */
export function svdShares({ inputs, outputs }, { w, v }, pairs) {
  const shares = new Float64Array(pairs.length);
  for (let at = 0; at < pairs.length; at += 2) {
    const joint = [0, 1].map((side) => [...row(w, inputs, pairs[at + side]), ...row(v, outputs, pairs[at + side])]);
    const { leftSingularVectors } = new SVD(new Matrix(joint).transpose(), { computeRightSingularVectors: false });
    const inputPart = leftSingularVectors.subMatrix(0, inputs - 1, 0, 1);
    setSingularValues(shares, at, inputPart, (value) => value * value);
  }
  return shares;
}

/** [2P] gates of ReLU neurons without biases: singular values of (v_i, v_j)·L, where LLᵀ = Φ. */
export function svdGates({ inputs, outputs }, { w, v }, pairs) {
  const gates = new Float64Array(pairs.length);
  for (let at = 0; at < pairs.length; at += 2) {
    const [i, j] = [pairs[at], pairs[at + 1]];
    const { ii, ij, jj } = reluKernel(gram(w, inputs, i, j));
    const root = new CholeskyDecomposition(
      new Matrix([
        [ii, ij],
        [ij, jj],
      ]),
    ).lowerTriangularMatrix;
    const columns = new Matrix([row(v, outputs, i), row(v, outputs, j)]).transpose();
    setSingularValues(gates, at, columns.mmul(root), (value) => value);
  }
  return gates;
}

const row = (matrix, cols, i) => matrix.subarray(i * cols, (i + 1) * cols);

function setSingularValues(out, at, matrix, map) {
  const { diagonal } = new SVD(matrix, { computeLeftSingularVectors: false, computeRightSingularVectors: false });
  out[at] = map(diagonal[0]);
  out[at + 1] = map(diagonal[1]);
}
