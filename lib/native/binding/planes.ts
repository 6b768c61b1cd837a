import type { NativeJob } from './common.ts';

export interface PlaneKernels {
  /** Most bytes that encoding `count` words of `wordBytes` bytes can give. */
  encodedBound(count: number, wordBytes: number): number;
  /** Resolves to the bytes of `out` written: native/kernels/planes.h. */
  encodeRectangle(args: EncodeRectangleArgs, job: NativeJob): Promise<number>;
  /** Resolves to the bytes of `data` read. Rejects with `HERM_CORRUPT`. */
  decodeRectangle(args: DecodeRectangleArgs, job: NativeJob): Promise<number>;
  /** {@link PlaneKernels.encodeRectangle} for a plain array of words. */
  encodeWords(args: EncodeWordsArgs, job: NativeJob): Promise<number>;
  /** {@link PlaneKernels.decodeRectangle} for a plain array of words: fills all of `words`. */
  decodeWords(args: DecodeWordsArgs, job: NativeJob): Promise<number>;
  /** XXH64 with seed 0 as 16 hexadecimal digits. */
  xxh64(args: Xxh64Args, job: NativeJob): Promise<string>;
}

/** How a word becomes bytes: `herm::WordLayout`. Numbers: their tensor's shift, rotated. All else: 0, false. */
export interface WordLayout {
  /** 1, 2, 4 or 8. */
  readonly wordBytes: number;
  readonly shift: number;
  readonly rotate: boolean;
}

/**
 * Words of a matrix [rows×cols]: those of the listed rows and columns. Words of different classes (the larger one of
 * row's and column's, 0 to 2) are coded apart; give lanes their `coarse`, a merge's indexes 2 where it is absorbed and
 * else `followedCoarse`, and the elements of either their `elementCoarse`.
 */
export interface RectangleArgs extends WordLayout {
  readonly rows: number;
  readonly cols: number;
  readonly rowList: Uint32Array;
  readonly colList: Uint32Array;
  /** One an entry of `rowList`; undefined: all 0. */
  readonly rowClass: Uint8Array | undefined;
  /** One an entry of `colList`; undefined: all 0. */
  readonly colClass: Uint8Array | undefined;
  readonly words: Uint8Array;
}

export interface EncodeRectangleArgs extends RectangleArgs {
  /** At least {@link PlaneKernels.encodedBound} bytes. */
  readonly out: Uint8Array;
}

export interface DecodeRectangleArgs extends RectangleArgs {
  readonly data: Uint8Array;
}

export interface EncodeWordsArgs extends WordLayout {
  readonly words: Uint8Array;
  readonly out: Uint8Array;
}

export interface DecodeWordsArgs extends WordLayout {
  readonly data: Uint8Array;
  readonly words: Uint8Array;
}

export interface Xxh64Args {
  readonly data: Uint8Array;
}
