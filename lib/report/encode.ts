/** Numbers as base64, little-endian as every machine that Node.js runs on is. */
export function base64(values: Float32Array | Uint32Array | Int8Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

export const floats = (values: ArrayLike<number>): string => base64(Float32Array.from(values));
