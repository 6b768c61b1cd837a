import { HermError } from '../errors.ts';
import type { HermContent } from '../file/content.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import { Digest } from '../model/digest.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';

/**
 * The original file, piece by piece: header, then tensor after tensor. The last step compares the digest of all pieces
 * with the original's, so only who sees the end of it has seen the original.
 *
 * @throws HermError `HERM_TRUNCATED` for a prefix of a file, `DIGEST_MISMATCH`, or as reading the file does.
 */
export async function* recoverBytes(held: HermContent, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
  held.requireComplete('recovering the original');
  const content = held.forOnePass();
  const { original } = content.header.json;
  const digest = new Digest();
  const kernel = { signal: options.signal, threads: options.threads };
  let done = 0;
  const pass = async (bytes: Uint8Array): Promise<Uint8Array> => {
    throwIfAborted(options.signal);
    await digest.update(bytes);
    done += bytes.byteLength;
    options.onProgress?.(done / original.size);
    return bytes;
  };
  yield await pass(await content.sourceHeader(kernel));
  for await (const bytes of content.originalTensors(kernel)) yield await pass(bytes);
  const found = digest.hex();
  if (found === original.sha256) return;
  throw new HermError(
    'DIGEST_MISMATCH',
    `What ${content.file} gives back is not ${original.name}: its SHA-256 is ${found}, not ${original.sha256}. Download or compress it again.`,
    { file: content.file, digest: found, expected: original.sha256 },
  );
}

/**
 * Writes the original file. `path` is untouched unless all of it came back and its digest is the original's.
 *
 * @throws HermError as {@link recoverBytes}; `IO` when the file cannot be written.
 */
export async function recoverTo(content: HermContent, path: string, options: CallOptions = {}): Promise<void> {
  await atomicWrite(
    path,
    async (file) => {
      for await (const bytes of recoverBytes(content, options)) await file.write(bytes);
    },
    options.signal === undefined ? {} : { signal: options.signal },
  );
}
