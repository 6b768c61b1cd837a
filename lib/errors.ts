/** The stable codes of {@link HermError}. A code is never renamed or given another meaning. */
export const HERM_ERROR_CODES = [
  /** The native addon is missing, was built for another system, or found an unsafe OpenBLAS. */
  'ADDON_LOAD',
  /** An argument or option has the wrong type, shape or range. */
  'BAD_ARGUMENT',
  /** The caller's AbortSignal fired before the work was done. */
  'ABORTED',
  /** A file or address could not be read or written. */
  'IO',
  /** The machine has not enough memory for a call. */
  'OUT_OF_MEMORY',
  /** A dimension or a product of dimensions is beyond what BLAS, LAPACK or the address space can hold. */
  'TOO_LARGE',
  /** Weights or their squares leave the range of double precision, or are NaN or infinite. */
  'NON_FINITE',
  /** A kernel failed in a way that it has no better name for: please report it. */
  'NATIVE',
] as const;

export type HermErrorCode = (typeof HERM_ERROR_CODES)[number];

/** What an error is about, for programs: file, tensor, option, sizes. */
export type HermErrorDetails = Readonly<Record<string, unknown>>;

/**
 * Every error that hermkit throws on purpose. The message is for people: it names the file, tensor or option and says
 * what to do. The code and the details are for programs.
 */
export class HermError extends Error {
  override readonly name = 'HermError';
  readonly code: HermErrorCode;
  readonly details: HermErrorDetails;

  constructor(code: HermErrorCode, message: string, details: HermErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
