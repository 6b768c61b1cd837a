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
  /** A server that does not answer requests for parts of a file. */
  'HTTP_RANGES',
  /** A file at an address that became another one while it was read. */
  'SOURCE_CHANGED',
  /** An output file that is there already and may not be replaced, that is the input itself, or that another call with `resume` is at work on. */
  'OUTPUT_EXISTS',
  /** A call needs more memory than is free, or than `memory` allows; the message says how much. */
  'OUT_OF_MEMORY',
  /** A dimension or a product of dimensions is beyond what BLAS, LAPACK or the address space can hold. */
  'TOO_LARGE',
  /** Weights or their squares leave the range of double precision, or are NaN or infinite. */
  'NON_FINITE',
  /** A kernel failed in a way that it has no better name for: please report it. */
  'NATIVE',
  /** A safetensors file of fewer than the 8 bytes of its header length. */
  'SAFETENSORS_HEADER_TOO_SMALL',
  /** A safetensors header of more than 100,000,000 bytes. */
  'SAFETENSORS_HEADER_TOO_LARGE',
  /** A safetensors header that should reach beyond the end of the file. */
  'SAFETENSORS_HEADER_LENGTH',
  /** A safetensors header that is not valid UTF-8. */
  'SAFETENSORS_UTF8',
  /** A safetensors header that does not start with `{` (after white space). */
  'SAFETENSORS_HEADER_START',
  /** A safetensors header that is not valid JSON, is nested too deeply, or describes a tensor by something else than an object. */
  'SAFETENSORS_JSON',
  /** A key that stands twice in a safetensors header, its metadata or one of its tensor descriptions. */
  'SAFETENSORS_DUPLICATE_KEY',
  /** Safetensors metadata that does not map names to strings. */
  'SAFETENSORS_METADATA',
  /** A tensor whose dtype is missing or unknown to the safetensors format. */
  'SAFETENSORS_DTYPE',
  /** A tensor whose shape is missing, malformed, overflows, does not fill whole bytes, or disagrees with its data_offsets. */
  'SAFETENSORS_SHAPE',
  /** A tensor whose data_offsets are missing, malformed, reversed, overlap another tensor or leave a hole. */
  'SAFETENSORS_OFFSETS',
  /** A safetensors file that is shorter or longer than its tensors: cut off, or with something appended. */
  'SAFETENSORS_TRAILING',
  /** An .onnx file that is no ONNX model: cut off, damaged, or something else. */
  'ONNX_FILE',
  /** A tensor of an ONNX model whose dimensions or data cannot be right. */
  'ONNX_TENSOR',
  /** External data of an ONNX model that is missing, too short, or lies outside the model's directory. */
  'ONNX_EXTERNAL',
  /** onnxruntime-web, which runs ONNX models for `herm sensitivity`, is not installed, or cannot run a model on the samples given. */
  'ONNX_RUNTIME',
  /** A model of several files that are missing, too many, or contradict their index. */
  'MODEL_FILES',
  /** A name of a file that could lead out of its directory, or is there twice. */
  'HERM_NAME',
  /** A file that does not start with the magic bytes of .herm. */
  'HERM_MAGIC',
  /** A .herm file of another major version than this hermkit reads. */
  'HERM_VERSION',
  /** A .herm header that is not valid, contradicts itself or does not fit its file. */
  'HERM_HEADER',
  /** A .herm file that ends before the part that a call needs. */
  'HERM_TRUNCATED',
  /** A part of a .herm file whose checksum is not the recorded one. */
  'HERM_CHECKSUM',
  /** A part of a .herm file that no encoder writes, although its checksum holds. */
  'HERM_CORRUPT',
  /** A .herm file beyond the limits of the format, or one that declares far more data than it can hold. */
  'HERM_LIMIT',
  /** Two .herm files, one of which should be the beginning of the other, and is not. */
  'HERM_DIFFERENT',
  /** A recovered file whose digest is not the original's: nothing was written. */
  'DIGEST_MISMATCH',
  /** A width that a block does not have, or that this prefix of a .herm file does not hold. */
  'WIDTH',
  /** A .herm file without the error certificates that a call needs. */
  'NO_CERTIFICATE',
  /** A budget or an error bound that no recorded widths meet. */
  'BUDGET',
  /** A plan of widths that is not valid, or that was made for another model. */
  'PLAN',
  /** Blocks that are no chain, where a whole network was to be run: one block has to be named. */
  'NO_CHAIN',
  /** A tensor that two blocks use in a way that one hierarchy over it cannot follow, such as tied weights. */
  'SHARED_TENSOR',
  /** A model in which no hidden layers were found. */
  'NO_BLOCKS',
  /** Hidden layers that names and shapes alone do not tell: they must be described by hand. */
  'BLOCKS_AMBIGUOUS',
  /** A description of blocks by hand that is not valid. */
  'BLOCK_SPEC',
  /** Weights or biases of a block whose shapes do not fit each other. */
  'BLOCK_SHAPE',
  /** Weights or biases of a block that are no floats of 16, 32 or 64 bits, for example quantised ones. */
  'BLOCK_DTYPE',
  /** A gated block where only plain ones are supported. */
  'BLOCK_GATED',
  /** A tensor that a block needs and the model does not have. */
  'TENSOR_MISSING',
  /** A tensor of a tuned skeleton that is missing, that its model does not have, or that has another shape or dtype than expected. */
  'TUNED_TENSOR',
  /** The activation of a block is not said, or not known. */
  'ACTIVATION',
  /** What the inputs of a block look like (norm weights, samples) is not said, or does not fit the block. */
  'PRIOR',
  /** A config.json that is not valid, or says something else than the tensors beside it. */
  'CONFIG',
  /** A model in another format than safetensors, such as GGUF or PyTorch's. */
  'MODEL_FORMAT',
] as const;

/** What went wrong, for programs; docs/library.md lists all codes. */
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
