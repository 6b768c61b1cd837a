import { availableParallelism } from 'node:os';

/** 1, 2, 4, … and as many as there are cores. */
export function threadCounts() {
  const all = availableParallelism();
  const counts = [];
  for (let threads = 1; threads < all; threads *= 2) counts.push(threads);
  return [...counts, all];
}
