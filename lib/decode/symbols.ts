import type { AdaptiveModel } from './adaptive_model.ts';
import { corrupt } from './corrupt.ts';
import { SCALE_ESCAPE, SCALE_REACH, SMALL_DIFFERENCES } from './lane_models.ts';
import type { RansDecoder } from './rans.ts';

/** Of any scale, in two's complement. */
const SCALE_BITS = 17;

/** The mean level of a lane, in quarters: near to the expected one, or plain. */
export function readScale(coder: RansDecoder, model: AdaptiveModel, expected: number): number {
  const symbol = model.get(coder, 1);
  if (symbol !== SCALE_ESCAPE) return expected + symbol - SCALE_REACH;
  return (coder.bits(SCALE_BITS) << (32 - SCALE_BITS)) >> (32 - SCALE_BITS);
}

/** A finite single-precision number. */
export function readFactor(coder: RansDecoder): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setUint32(0, coder.bits(32));
  const factor = bits.getFloat32(0);
  if (!Number.isFinite(factor)) throw corrupt('a neuron is no finite multiple of another');
  return factor;
}

/** How many places further on a number lies: 0, −1, 1, −2, 2 … are the small ones. */
export function readDifference(coder: RansDecoder, model: AdaptiveModel, state: number): number | bigint {
  const symbol = model.get(coder, state);
  const code = symbol < SMALL_DIFFERENCES ? symbol : readLarge(coder, symbol - SMALL_DIFFERENCES + 5);
  if (typeof code === 'bigint') return BigInt.asIntN(64, code % 2n === 0n ? code / 2n : -1n - code / 2n);
  return code % 2 === 0 ? code / 2 : -1 - (code - 1) / 2;
}

/** A number of that many bits, the highest of which is 1; those of doubles may have 64. */
function readLarge(coder: RansDecoder, width: number): number | bigint {
  const low = coder.bits(Math.min(32, width - 1));
  if (width <= 33) return 2 ** (width - 1) + low;
  const high = BigInt(coder.bits(width - 33));
  return (1n << BigInt(width - 1)) | (high << 32n) | BigInt(low);
}
