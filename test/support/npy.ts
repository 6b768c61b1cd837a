/** A `.npy` file, version 1.0. */
export function npy(descr: string, shape: string, values: Float64Array | Float32Array): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117);
  const head = Buffer.from(`\u0093NUMPY\u0001\u0000\u0076\u0000${text}\n`, 'latin1');
  return Buffer.concat([head, Buffer.from(values.buffer)]);
}
