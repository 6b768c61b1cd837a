// SCA and GID of pairs as one would first write them: one pair after the other, in plain JavaScript.

/** [2P] input shares: the roots λ of det(K − λ(K + H)) = 0 for the 2×2 Gram matrices K of the inputs, H of the outputs. */
export function plainShares({ inputs, outputs }, { w, v }, pairs) {
  const shares = new Float64Array(pairs.length);
  for (let at = 0; at < pairs.length; at += 2) {
    const [i, j] = [pairs[at], pairs[at + 1]];
    const k = gram(w, inputs, i, j);
    const h = gram(v, outputs, i, j);
    const s = { ii: k.ii + h.ii, ij: k.ij + h.ij, jj: k.jj + h.jj };
    const det = s.ii * s.jj - s.ij * s.ij;
    const trace = (s.jj * k.ii - 2 * s.ij * k.ij + s.ii * k.jj) / det;
    setRoots(shares, at, trace, (k.ii * k.jj - k.ij * k.ij) / det);
  }
  return shares;
}

/** [2P] gates of ReLU neurons without biases: square roots of the eigenvalues of HΦ. */
export function plainGates({ inputs, outputs }, { w, v }, pairs) {
  const gates = new Float64Array(pairs.length);
  for (let at = 0; at < pairs.length; at += 2) {
    const [i, j] = [pairs[at], pairs[at + 1]];
    const phi = reluKernel(gram(w, inputs, i, j));
    const h = gram(v, outputs, i, j);
    const trace = h.ii * phi.ii + 2 * h.ij * phi.ij + h.jj * phi.jj;
    setRoots(gates, at, trace, (h.ii * h.jj - h.ij * h.ij) * (phi.ii * phi.jj - phi.ij * phi.ij));
    gates[at] = Math.sqrt(gates[at]);
    gates[at + 1] = Math.sqrt(gates[at + 1]);
  }
  return gates;
}

/** Φ of two ReLU neurons without biases for x ~ N(0, I): the arc-cosine kernel of degree 1. */
export function reluKernel({ ii, ij, jj }) {
  const size = Math.sqrt(ii * jj);
  const cosine = Math.min(1, Math.max(-1, ij / size));
  const angle = Math.acos(cosine);
  const mixed = (size * (Math.sin(angle) + (Math.PI - angle) * cosine)) / (2 * Math.PI);
  return { ii: ii / 2, ij: mixed, jj: jj / 2 };
}

export function gram(matrix, cols, i, j) {
  let [ii, ij, jj] = [0, 0, 0];
  for (let c = 0; c < cols; c++) {
    const a = matrix[i * cols + c];
    const b = matrix[j * cols + c];
    ii += a * a;
    ij += a * b;
    jj += b * b;
  }
  return { ii, ij, jj };
}

/** Both roots of λ² − trace·λ + det, the larger first. */
function setRoots(out, at, trace, det) {
  const larger = trace / 2 + Math.sqrt(Math.max(0, (trace * trace) / 4 - det));
  out[at] = larger;
  out[at + 1] = Math.max(0, det / larger);
}
