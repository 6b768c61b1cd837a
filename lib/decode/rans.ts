import { corrupt } from './corrupt.ts';

/** Probabilities are multiples of 1 / PROBABILITY_TOTAL. */
export const PROBABILITY_TOTAL = 2 ** 15;

export const MOST_STATES = 4;
/** No state is ever below it; where decoding ends, all of them are here. */
export const LOWEST_STATE = 2 ** 16;
export const WORD = 2 ** 16;

/** Where symbols and plain bits come from. */
export interface SymbolSource {
  /** Where in [0, PROBABILITY_TOTAL) the next symbol of a state lies; {@link take} then consumes it. */
  slot(state: number): number;
  /** Consumes the symbol whose share is [start, start + size). */
  take(state: number, start: number, size: number): void;
  /** A number of plain bits, lowest first; at most 53 of them. */
  bits(count: number): number;
}

/** A state after its next symbol; below LOWEST_STATE it needs another word. */
export function popSymbol(state: number, start: number, size: number): number {
  return size * Math.floor(state / PROBABILITY_TOTAL) + (state % PROBABILITY_TOTAL) - start;
}

/** One stream of the entropy coder: FORMAT.md, section 3. States read 16-bit words; plain bits stand beside them. */
export class RansDecoder implements SymbolSource {
  readonly #stream: DataView;
  readonly #states: number[] = [];
  #word: number;
  readonly #wordsEnd: number;
  #bit: number;
  readonly #bitsEnd: number;

  /** @param states 4, or 1, which is all of them. @throws HermError `HERM_CORRUPT` where `stream` cannot be one. */
  constructor(stream: Uint8Array, states: number) {
    this.#stream = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
    const { value: words, end } = readLeb128(stream, 0);
    if (stream.length - end < 4 * states + 2 * words) throw corrupt('a stream is too short for its words');
    for (let k = 0; k < states; k++) {
      const state = this.#stream.getUint32(end + 4 * k, true);
      if (state < LOWEST_STATE) throw corrupt('a stream starts in a state that no encoder leaves');
      this.#states.push(state);
    }
    this.#word = end + 4 * states;
    this.#wordsEnd = this.#word + 2 * words;
    this.#bit = 8 * this.#wordsEnd;
    this.#bitsEnd = 8 * stream.length;
  }

  slot(state: number): number {
    return this.#states[state % this.#states.length]! % PROBABILITY_TOTAL;
  }

  take(state: number, start: number, size: number): void {
    const index = state % this.#states.length;
    let next = popSymbol(this.#states[index]!, start, size);
    if (next < LOWEST_STATE) next = next * WORD + this.#nextWord();
    this.#states[index] = next;
  }

  bits(count: number): number {
    if (this.#bitsEnd - this.#bit < count) throw corrupt('a stream ends before its numbers do');
    let value = 0;
    for (let have = 0; have < count; ) {
      const within = this.#bit % 8;
      const taken = Math.min(8 - within, count - have);
      const byte = this.#stream.getUint8((this.#bit - within) / 8);
      value += ((byte >> within) & ((1 << taken) - 1)) * 2 ** have;
      have += taken;
      this.#bit += taken;
    }
    return value;
  }

  /** @throws HermError `HERM_CORRUPT` unless the stream ends here. */
  finish(): void {
    const rest = this.#bitsEnd - this.#bit;
    const ended = this.#word === this.#wordsEnd && rest < 8 && this.bits(rest) === 0;
    if (!ended || this.#states.some((state) => state !== LOWEST_STATE)) {
      throw corrupt('a stream does not end where its numbers do');
    }
  }

  #nextWord(): number {
    if (this.#word === this.#wordsEnd) throw corrupt('a stream ends before its numbers do');
    const word = this.#stream.getUint16(this.#word, true);
    this.#word += 2;
    return word;
  }
}

/** An unsigned number of seven bits a byte, lowest first. @throws HermError `HERM_CORRUPT` */
export function readLeb128(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  let end = at;
  // Seven bytes are 49 bits: more is no length.
  for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
    const byte = bytes[end++];
    if (byte === undefined) break;
    value += (byte % 128) * scale;
    if (byte < 128) return { value, end };
  }
  throw corrupt('a length does not end');
}
