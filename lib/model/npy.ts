import { HermError } from '../errors.ts';

const MAGIC = '\u0093NUMPY';

/**
 * An array of NumPy's own file format, versions 1 to 3: little-endian floats of 4 or 8 bytes in C order.
 *
 * @throws HermError `PRIOR` for anything else
 */
export function readNpy(bytes: Uint8Array, path: string): { shape: number[]; values: Float32Array } {
  const fail = (why: string) => new HermError('PRIOR', `${path} ${why}.`, { file: path });
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.toString('latin1', 0, MAGIC.length) !== MAGIC || file.length < 12) throw fail('is no .npy file');
  const long = file[6]! > 1;
  const start = long ? 12 : 10;
  const end = start + (long ? file.readUInt32LE(8) : file.readUInt16LE(8));
  const header = file.toString('latin1', start, end);
  const [, dtype] = /'descr': *'([^']*)'/.exec(header) ?? [];
  const [, axes] = /'shape': *\(([^)]*)\)/.exec(header) ?? [];
  const size = dtype === '<f4' ? 4 : dtype === '<f8' ? 8 : undefined;
  if (size === undefined || axes === undefined || !/'fortran_order': *False/.test(header)) {
    throw fail(`is not an array of little-endian float32 or float64 in C order (its header: ${header.trim()})`);
  }
  const shape = axes.split(',').flatMap((axis) => (axis.trim() === '' ? [] : [Number(axis)]));
  const count = shape.reduce((product, axis) => product * axis, 1);
  if (!Number.isSafeInteger(count) || file.length !== end + count * size)
    throw fail('is cut off, or longer than it says');
  const view = new DataView(bytes.buffer, bytes.byteOffset + end, count * size);
  const at = (k: number) => (size === 4 ? view.getFloat32(4 * k, true) : view.getFloat64(8 * k, true));
  return { shape, values: Float32Array.from({ length: count }, (_, k) => at(k)) };
}
