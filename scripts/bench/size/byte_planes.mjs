// Byte planes and zstd -19: every tensor's first bytes, its second ones and so on, each compressed by itself.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const WORD_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4 };

/** Bytes of a model, or undefined without zstd. */
export async function bytePlanes(tensors, folder) {
  const planes = [];
  for (const { dtype, data } of tensors) {
    const bytes = WORD_BYTES[dtype] ?? 1;
    for (let plane = 0; plane < bytes; plane++) {
      planes.push(Uint8Array.from({ length: data.byteLength / bytes }, (_, n) => data[n * bytes + plane]));
    }
  }
  let total = 0;
  for (const plane of planes) {
    const size = await zstd(plane, folder);
    if (size === undefined) return undefined;
    total += Math.min(size, plane.byteLength);
  }
  return total;
}

async function zstd(bytes, folder) {
  const [from, to] = [join(folder, 'plane'), join(folder, 'plane.zst')];
  await writeFile(from, bytes);
  try {
    await promisify(execFile)('zstd', ['-19', '-q', '-f', '-T1', '--no-check', from, '-o', to]);
  } catch (cause) {
    if (cause.code === 'ENOENT') return undefined;
    throw cause;
  }
  return (await readFile(to)).byteLength;
}
