import { readSafetensorsHeader, type SafetensorsHeader } from '../../lib/model/safetensors.ts';
import { bufferSource } from '../../lib/model/source.ts';

/** A file made by hand: the header as it is, then `data` (or so many zero bytes). */
export function fileOf(header: string | Uint8Array, data: number | Uint8Array = 0): Uint8Array {
  const head = typeof header === 'string' ? Buffer.from(header) : header;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.byteLength));
  return Buffer.concat([length, head, typeof data === 'number' ? Buffer.alloc(data) : data]);
}

export const readHeader = (bytes: Uint8Array): Promise<SafetensorsHeader> =>
  readSafetensorsHeader(bufferSource(bytes, 'model.safetensors'));

/** One tensor description, with any fields changed, added or (undefined) left out. */
export function entry(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ dtype: 'I32', shape: [2, 2], data_offsets: [0, 16], ...fields });
}
