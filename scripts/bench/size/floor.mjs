// What plain coding of a tensor's numbers takes: the entropy of its exponents, and signs and mantissas as they are.
const FORMATS = {
  F64: { bits: 64, mantissa: 52 },
  F32: { bits: 32, mantissa: 23 },
  F16: { bits: 16, mantissa: 10 },
  BF16: { bits: 16, mantissa: 7 },
};

/** Bytes. Low bits that are zero in the whole tensor count for nothing; tensors of other dtypes count as they are. */
export function flatFloor({ dtype, data }) {
  const format = FORMATS[dtype];
  if (format === undefined || data.byteLength === 0) return data.byteLength;
  const words = wordsOf(format.bits, data);
  const counts = new Map();
  let used = 0n;
  for (const word of words) {
    const bits = BigInt.asUintN(format.bits - 1, BigInt(word));
    used |= bits;
    const exponent = Number(bits >> BigInt(format.mantissa));
    counts.set(exponent, (counts.get(exponent) ?? 0) + 1);
  }
  let bits = words.length * (1 + format.mantissa - zeroBits(used, format.mantissa));
  for (const count of counts.values()) bits -= count * Math.log2(count / words.length);
  return bits / 8;
}

function wordsOf(bits, data) {
  const bytes = data.slice();
  if (bits === 16) return new Uint16Array(bytes.buffer);
  return bits === 32 ? new Uint32Array(bytes.buffer) : new BigUint64Array(bytes.buffer);
}

function zeroBits(used, most) {
  if (used === 0n) return most;
  let count = 0;
  while (count < most && ((used >> BigInt(count)) & 1n) === 0n) count++;
  return count;
}
