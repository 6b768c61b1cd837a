import type { NativeJob } from './common.ts';

export interface NumberArrayKernels {
  /** Most bytes that encoding `count` numbers can give. */
  encodedNumbersBound(args: NativeNumberArray & { readonly count: number }, job: NativeJob): number;
  /** Resolves to the bytes of `out` written: native/kernels/number_arrays.h. */
  encodeNumbers(args: EncodeNumbersArgs, job: NativeJob): Promise<number>;
  /** Fills all of `words`; resolves to the bytes of `data` read. Rejects with `HERM_CORRUPT`. */
  decodeNumbers(args: DecodeNumbersArgs, job: NativeJob): Promise<number>;
}

export interface NativeNumberArray {
  /** See {@link NATIVE_DTYPES}. */
  readonly dtype: number;
  /** Numbers of a row, 1 to 2^21. */
  readonly columns: number;
}

export interface EncodeNumbersArgs extends NativeNumberArray {
  readonly words: Uint8Array;
  /** At least {@link NumberArrayKernels.encodedNumbersBound} bytes. */
  readonly out: Uint8Array;
}

export interface DecodeNumbersArgs extends NativeNumberArray {
  /** May go on after what is asked for. */
  readonly data: Uint8Array;
  readonly words: Uint8Array;
}
