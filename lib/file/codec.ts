import { HermError } from '../errors.ts';
import { type WordLayout, XXH64_STATE_BYTES } from '../native/binding.ts';
import { type CallOptions, callNative } from '../native/call.ts';

/** What the kernels of one operation need to know; progress is counted by whoever runs them. */
export type CodecOptions = Pick<CallOptions, 'signal' | 'threads'>;

/** Words that are no floating-point numbers of a tensor: indexes, ids, text. */
export function plainWords(wordBytes: number): WordLayout {
  return { wordBytes, rotate: false };
}

export async function encodeWords(words: Uint8Array, layout: WordLayout, options: CodecOptions): Promise<Uint8Array> {
  if (words.byteLength === 0) return new Uint8Array(0);
  return callNative(options, async (native, job) => {
    const out = new Uint8Array(native.encodedBound(words.byteLength / layout.wordBytes, layout.wordBytes));
    return out.slice(0, await native.encodeWords({ ...layout, words, out }, job));
  });
}

/**
 * The `bytes` bytes that `data` encodes; `subject` names it in messages.
 *
 * @throws HermError `HERM_CORRUPT` when it does not encode exactly that many.
 */
export async function decodeWords(
  data: Uint8Array,
  bytes: number,
  layout: WordLayout,
  subject: string,
  options: CodecOptions,
): Promise<Uint8Array> {
  const words = new Uint8Array(bytes);
  const read = bytes === 0 ? 0 : await readWords(data, words, layout, subject, options);
  checkRead(read, data, subject);
  return words;
}

/** Fills `words` from the beginning of `data`. @returns the bytes read */
export function readWords(
  data: Uint8Array,
  words: Uint8Array,
  layout: WordLayout,
  subject: string,
  options: CodecOptions,
): Promise<number> {
  return naming(subject, () =>
    callNative(options, (native, job) => native.decodeWords({ ...layout, data, words }, job)),
  );
}

/** XXH64 of bytes that come in parts. */
export class Checksum {
  readonly #state = new Uint8Array(XXH64_STATE_BYTES);

  /** @returns the checksum of all parts up to this one. */
  add(data: Uint8Array, options: CodecOptions): Promise<string> {
    return callNative(options, (native, job) => native.xxh64({ data, state: this.#state }, job));
  }
}

export function xxh64(data: Uint8Array, options: CodecOptions): Promise<string> {
  return callNative(options, (native, job) => native.xxh64({ data }, job));
}

/** A kernel knows what is wrong with the bytes that it was given, but not where they come from. */
export async function naming<T>(subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof HermError) || cause.code !== 'HERM_CORRUPT') throw cause;
    throw new HermError(cause.code, `${subject} is corrupt: ${cause.message}`, cause.details, { cause });
  }
}

/** @throws HermError `HERM_CORRUPT` unless all of `data` was read. */
export function checkRead(read: number, data: Uint8Array, subject: string): void {
  if (read === data.byteLength) return;
  throw new HermError('HERM_CORRUPT', `${subject} is corrupt: ${data.byteLength - read} of its bytes are not used.`);
}
