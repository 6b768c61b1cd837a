import { readPrologue, wrapHeader } from '../../../lib/file/prologue.ts';
import type { HermHeader } from '../../../lib/file/schema.ts';
import { concat } from '../../../lib/model/concat.ts';
import { bufferSource } from '../../../lib/model/source.ts';

/** The file with another header, its checksum made to fit; `text` may change the header that it gets. */
export async function withHeaderText(herm: Uint8Array, text: (header: HermHeader) => string): Promise<Uint8Array> {
  const { value, end } = await readPrologue(bufferSource(herm), {});
  const json = new TextEncoder().encode(text(structuredClone(value) as HermHeader));
  return concat([await wrapHeader(json, {}), herm.subarray(end)]);
}

/** The file with its header changed in place, its checksum made to fit. */
export function withHeader(herm: Uint8Array, edit: (header: HermHeader) => void): Promise<Uint8Array> {
  return withHeaderText(herm, (header) => {
    edit(header);
    return JSON.stringify(header);
  });
}
