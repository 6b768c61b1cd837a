/** Slow and simple linear algebra, to hold results against: plain loops and Jacobi's method. Rows of numbers throughout. */
export type Matrix = readonly (readonly number[])[];

export const dot = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((sum, value, at) => sum + value * y[at]!, 0);

export const norm = (x: readonly number[]): number => Math.hypot(...x);

export const scale = (x: readonly number[], factor: number): number[] => x.map((value) => value * factor);

export const transpose = (a: Matrix): number[][] => (a[0] ?? []).map((_, col) => a.map((row) => row[col]!));

export function multiply(a: Matrix, b: Matrix): number[][] {
  const columns = transpose(b);
  return a.map((row) => columns.map((column) => dot(row, column)));
}

/** a aᵀ */
export const gram = (a: Matrix): number[][] => a.map((x) => a.map((y) => dot(x, y)));

export const diagonal = (values: ArrayLike<number>): number[][] =>
  Array.from(values, (value, i) => Array.from(values, (_, j) => (i === j ? value : 0)));

export const identity = (n: number): number[][] => diagonal(new Array(n).fill(1));

export const subtract = (a: Matrix, b: Matrix): number[][] =>
  a.map((row, i) => row.map((value, j) => value - b[i]![j]!));

/** x yᵀ */
export const outer = (x: readonly number[], y: readonly number[]): number[][] => x.map((value) => scale(y, value));

export const frobenius = (a: Matrix): number => norm(a.map(norm));

/** A flat row-major matrix as rows. */
export function rowsOf(flat: ArrayLike<number>, cols: number): number[][] {
  const values = Array.from(flat);
  return Array.from({ length: cols === 0 ? 0 : values.length / cols }, (_, i) =>
    values.slice(i * cols, (i + 1) * cols),
  );
}

export const flat = (a: Matrix): Float64Array => Float64Array.from(a.flat());

export interface Svd {
  /** Descending, without those below 1e-10 of the first. */
  readonly values: number[];
  /** Left vectors as rows. */
  readonly left: number[][];
  /** Right vectors as rows. */
  readonly right: number[][];
}

/** One-sided Jacobi: rotates pairs of rows until all are orthogonal. */
export function svd(a: Matrix): Svd {
  const rows = a.map((row) => [...row]);
  const turns = identity(a.length);
  for (let sweep = 0, rotated = true; rotated && sweep < 100; sweep++) {
    rotated = false;
    for (let p = 0; p < rows.length; p++) {
      for (let q = p + 1; q < rows.length; q++) rotated = orthogonalise(rows, turns, p, q) || rotated;
    }
  }
  const order = rows.map((_, i) => i).sort((i, j) => norm(rows[j]!) - norm(rows[i]!));
  const largest = norm(rows[order[0]!] ?? []);
  const kept = order.filter((i) => norm(rows[i]!) > 1e-10 * largest);
  return {
    values: kept.map((i) => norm(rows[i]!)),
    left: kept.map((i) => turns[i]!),
    right: kept.map((i) => scale(rows[i]!, 1 / norm(rows[i]!))),
  };
}

/** One Jacobi rotation of rows p and q; false where they are orthogonal already. */
function orthogonalise(rows: number[][], turns: number[][], p: number, q: number): boolean {
  const [x, y] = [rows[p]!, rows[q]!];
  const cross = dot(x, y);
  if (Math.abs(cross) <= 1e-16 * norm(x) * norm(y)) return false;
  const angle = Math.atan2(2 * cross, dot(x, x) - dot(y, y)) / 2;
  for (const matrix of [rows, turns]) rotateRows(matrix, p, q, angle);
  return true;
}

function rotateRows(rows: number[][], p: number, q: number, angle: number): void {
  const [x, y] = [rows[p]!, rows[q]!];
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  rows[p] = x.map((value, at) => c * value + s * y[at]!);
  rows[q] = y.map((value, at) => c * value - s * x[at]!);
}

/** Orthonormal rows that span the rows of a: Gram-Schmidt, twice. */
export function orthonormalRows(a: Matrix): number[][] {
  const basis: number[][] = [];
  for (const row of a) {
    let rest = [...row];
    for (let pass = 0; pass < 2; pass++) {
      for (const b of basis) {
        const along = dot(b, rest);
        rest = rest.map((value, at) => value - along * b[at]!);
      }
    }
    if (norm(rest) > 1e-8 * norm(row)) basis.push(scale(rest, 1 / norm(rest)));
  }
  return basis;
}

/** By Gauss-Jordan with partial pivoting. */
export function inverse(a: Matrix): number[][] {
  const n = a.length;
  const work = a.map((row, i) => [...row, ...identity(n)[i]!]);
  for (let col = 0; col < n; col++) {
    const best = work.map((row, i) => (i < col ? -1 : Math.abs(row[col]!)));
    const pivot = best.indexOf(Math.max(...best));
    [work[col], work[pivot]] = [work[pivot]!, work[col]!];
    work[col] = scale(work[col]!, 1 / work[col]![col]!);
    for (let i = 0; i < n; i++) {
      if (i === col) continue;
      const factor = work[i]![col]!;
      work[i] = work[i]!.map((value, at) => value - factor * work[col]![at]!);
    }
  }
  return work.map((row) => row.slice(n));
}
