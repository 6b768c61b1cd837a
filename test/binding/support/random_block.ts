import type { ActivationName } from '../../../lib/model/block.ts';
import { Random } from '../../format/support/random.ts';
import { blockOf } from '../../unit/oracle/block.ts';

/** A block of m Gaussian neurons in double precision. */
export function randomBlock(m: number, n: number, p: number, activation: ActivationName = 'relu', seed = 1) {
  const random = new Random(seed);
  const rows = (count: number, length: number) =>
    Array.from({ length: count }, () => Array.from({ length }, () => random.gauss()));
  return blockOf(activation, rows(m, n), rows(m, p), rows(1, m)[0]);
}
