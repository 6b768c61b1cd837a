import { corrupt } from './corrupt.ts';
import { LOWEST_STATE, PROBABILITY_TOTAL, popSymbol, type SymbolSource, WORD } from './rans.ts';

/**
 * Symbols of many short levels: FORMAT.md, section 5. One state runs on from level to level; plain bits are symbols, too.
 */
export class LevelStream implements SymbolSource {
  #level: DataView;
  #at = 0;
  #x: number;

  /** @throws HermError `HERM_CORRUPT`, as all methods. */
  constructor(first: Uint8Array) {
    this.#level = viewOf(first);
    const low = this.#nextWord();
    this.#x = this.#nextWord() * WORD + low;
    if (this.#x < LOWEST_STATE) throw corrupt('a stream starts in a state that no encoder leaves');
  }

  slot(): number {
    return this.#x % PROBABILITY_TOTAL;
  }

  take(_: number, start: number, size: number): void {
    this.#x = popSymbol(this.#x, start, size);
    if (this.#x < LOWEST_STATE) this.#x = this.#x * WORD + this.#nextWord();
  }

  /** Fifteen at a time. */
  bits(count: number): number {
    let value = 0;
    for (let have = 0; have < count; ) {
      const taken = Math.min(count - have, 15);
      const size = PROBABILITY_TOTAL / 2 ** taken;
      const part = Math.floor(this.slot() / size);
      this.take(0, part * size, size);
      value += part * 2 ** have;
      have += taken;
    }
    return value;
  }

  nextLevel(level: Uint8Array): void {
    this.#level = viewOf(level);
    this.#at = 0;
  }

  /** Of a level, every word must be used. */
  endLevel(): void {
    if (this.#at !== this.#level.byteLength) throw corrupt('a level does not end where its symbols do');
  }

  /** After the last level of all. */
  finish(): void {
    if (this.#x !== LOWEST_STATE) throw corrupt('a stream does not end where its symbols do');
  }

  #nextWord(): number {
    if (this.#level.byteLength - this.#at < 2) throw corrupt('a level ends before its symbols');
    this.#at += 2;
    return this.#level.getUint16(this.#at - 2, true);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
