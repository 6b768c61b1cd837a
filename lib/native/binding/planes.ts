import type { NativeJob } from './common.ts';

export interface PlaneKernels {
  /** Most bytes that encoding `count` words of `wordBytes` bytes can give. */
  encodedBound(count: number, wordBytes: number): number;
  /** Resolves to the bytes of `out` written: native/kernels/planes.h. */
  encodeWords(args: EncodeWordsArgs, job: NativeJob): Promise<number>;
  /** Fills all of `words`; resolves to the bytes of `data` read. Rejects with `HERM_CORRUPT`. */
  decodeWords(args: DecodeWordsArgs, job: NativeJob): Promise<number>;
  /** XXH64 with seed 0 as 16 hexadecimal digits. */
  xxh64(args: Xxh64Args, job: NativeJob): Promise<string>;
}

/** How a word becomes bytes: `herm::WordLayout`. Only floating-point numbers are rotated. */
export interface WordLayout {
  /** 1, 2, 4 or 8. */
  readonly wordBytes: number;
  readonly rotate: boolean;
}

export interface EncodeWordsArgs extends WordLayout {
  readonly words: Uint8Array;
  /** At least {@link PlaneKernels.encodedBound} bytes. */
  readonly out: Uint8Array;
}

export interface DecodeWordsArgs extends WordLayout {
  readonly data: Uint8Array;
  readonly words: Uint8Array;
}

/** `herm::kXxh64StateBytes` */
export const XXH64_STATE_BYTES = 88;

export interface Xxh64Args {
  readonly data: Uint8Array;
  /** [{@link XXH64_STATE_BYTES}] where data comes in parts: zeros before the first one. */
  readonly state?: Uint8Array;
}
