import { Decompress } from 'fzstd';
import { corrupt } from './corrupt.ts';
import { readLeb128 } from './rans.ts';

/** How words are coded: FORMAT.md, section 3. */
export interface WordLayout {
  readonly wordBytes: 1 | 2 | 4 | 8;
  /** The sign stands at the bottom. */
  readonly float: boolean;
}

const METHOD_RAW = 0;
const METHOD_CONSTANT = 1;
const METHOD_ZSTD = 2;

/** The words, little-endian, that fill `data`. @throws HermError `HERM_CORRUPT` unless there are exactly `count`. */
export function decodeWords(data: Uint8Array, count: number, { wordBytes, float }: WordLayout): Uint8Array {
  const reader = new PlaneReader(data);
  const blockWords = wordBytes === 1 ? 2 ** 22 : 2 ** 17;
  // Every block of words takes bytes of its own, so that memory is only asked for where there is something to fill it.
  const blocks: Uint8Array[] = [];
  for (let begin = 0; begin < count; begin += blockWords) {
    const size = Math.min(blockWords, count - begin);
    const planes = Array.from({ length: wordBytes }, () => reader.next(size));
    const words = new Uint8Array(size * wordBytes);
    for (let n = 0; n < size; n++) {
      // The most significant byte comes first.
      for (let k = 0; k < wordBytes; k++) words[n * wordBytes + k] = planes[wordBytes - 1 - k]![n]!;
      if (float) rotateRight(words.subarray(n * wordBytes, (n + 1) * wordBytes));
    }
    blocks.push(words);
  }
  reader.finish();
  return joined(blocks);
}

/** Moves the lowest bit of a little-endian word to the top. */
function rotateRight(word: Uint8Array): void {
  let carry = word[0]! & 1;
  for (let k = word.length - 1; k >= 0; k--) {
    const byte = word[k]!;
    word[k] = (byte >> 1) | (carry << 7);
    carry = byte & 1;
  }
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

class PlaneReader {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** The next plane, of `size` bytes. */
  next(size: number): Uint8Array {
    const method = this.#take(1)[0]!;
    if (method === METHOD_RAW) return this.#take(size);
    if (method === METHOD_CONSTANT) return new Uint8Array(size).fill(this.#take(1)[0]!);
    if (method !== METHOD_ZSTD) throw corrupt('coded words use an unknown method');
    const { value, end } = readLeb128(this.#data, this.#at);
    this.#at = end;
    return inflate(this.#take(value), size);
  }

  finish(): void {
    if (this.#at !== this.#data.length) throw corrupt('bytes are left over after coded words');
  }

  #take(length: number): Uint8Array {
    if (length > this.#data.length - this.#at) throw corrupt('coded words end too early');
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }
}

/** Stops the decompressor where a frame is larger than its plane. */
class TooLong extends Error {}

/** Exactly `size` bytes of a zstd frame. */
function inflate(frame: Uint8Array, size: number): Uint8Array {
  checkWindow(frame, size);
  const out = new Uint8Array(size);
  let filled = 0;
  const decompress = new Decompress((chunk) => {
    if (chunk.length > size - filled) throw new TooLong();
    out.set(chunk, filled);
    filled += chunk.length;
  });
  try {
    decompress.push(frame, true);
  } catch {
    // Whatever the library trips over, the frame is to blame.
    throw corrupt('coded words do not expand to their size');
  }
  if (filled !== size) throw corrupt('coded words do not expand to their size');
  return out;
}

const LARGEST_WINDOW = 2 ** 26;

/** The decompressor asks for as much memory as a frame says that it needs (RFC 8878, section 3.1.1.1). */
function checkWindow(frame: Uint8Array, size: number): void {
  const descriptor = frame[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const contentFlag = descriptor >> 6;
  const contentBytes = contentFlag === 0 ? Number(single) : 2 ** contentFlag;
  const at = 5 + Number(!single) + [0, 1, 2, 4][descriptor & 3]!;
  let content = contentFlag === 1 ? 256 : 0;
  for (let k = 0; k < contentBytes; k++) content += (frame[at + k] ?? 0) * 256 ** k;
  const exponent = (frame[5] ?? 0) >> 3;
  const window = single ? content : 2 ** (10 + exponent) * (1 + ((frame[5] ?? 0) & 7) / 8);
  if ((contentBytes > 0 && content !== size) || window > LARGEST_WINDOW) {
    throw corrupt('coded words do not expand to their size');
  }
}
