import { fileURLToPath } from 'node:url';
import { requireArguments, requireBuffer } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { ioError } from '../model/messages.ts';
import { type ByteSource, bufferSource, fileSource } from '../model/source.ts';
import type { HttpOptions } from './http_request.ts';
import { httpSource } from './http_source.ts';

/** Anything of a known size that gives slices of itself: a Blob, or the AsyncBuffer of other readers. */
export type AsyncBuffer = ({ readonly byteLength: number } | { readonly size: number }) & {
  /** The bytes from `start` up to `end`. */
  slice(start: number, end: number): Slice | Promise<Slice>;
};

type Slice = ArrayBuffer | ArrayBufferView | { arrayBuffer(): Promise<ArrayBuffer> };

/** What can be opened: a path, an http(s) address, a file URL, bytes, or something that reads them. */
export type SourceInput = string | URL | ArrayBuffer | ArrayBufferView | ByteSource | AsyncBuffer;

export interface SourceOptions extends HttpOptions {
  /**
   * Bytes that are read along where that spares a request: at the beginning of the file, and between two parts that are
   * needed. By default 65,536 of addresses and AsyncBuffers, 0 of files and memory.
   */
  readonly slack?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SLACK_BYTES = 2 ** 16;
/** The least to ask an address for, as its first bytes tell whether it is such a file at all. */
const LEAST_BYTES = 64;

/** Whether text names an address rather than a path. */
export function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/**
 * The source that an input stands for.
 *
 * @throws HermError `BAD_ARGUMENT` for anything that is none, `IO`, `HTTP_RANGES` or `ABORTED` as opening it does.
 */
export async function openSource(input: SourceInput, options: SourceOptions = {}): Promise<ByteSource> {
  requireArguments({ options });
  checkOptions(options);
  if (typeof input === 'string' && !isAddress(input)) return fileSource(input);
  if (typeof input === 'string' || input instanceof URL) return addressSource(input, options);
  if (ArrayBuffer.isView(input) || input instanceof ArrayBuffer) {
    requireBuffer('The source', ArrayBuffer.isView(input) ? input.buffer : input);
    return bufferSource(bytesOf(input));
  }
  if (isByteSource(input)) return options.slack === undefined ? input : withSlack(input, options.slack);
  const size = sizeOf(input);
  if (size !== undefined) return asyncBufferSource(input as AsyncBuffer, size, options.slack ?? SLACK_BYTES);
  const kinds = 'a path, an http(s) address, a buffer, or an object with byteLength and slice()';
  throw new HermError('BAD_ARGUMENT', `A source must be ${kinds}.`);
}

function checkOptions({ slack = 0, timeout = 1, retries = 0, headers }: SourceOptions): void {
  const counts = { slack, timeout, retries };
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new HermError('BAD_ARGUMENT', `${name} must be a whole number from 0, not ${value}.`, { [name]: value });
  }
  // Node loads its HTTP client with the first one, which takes longer than opening a file.
  if (headers === undefined) return;
  try {
    new Headers(headers);
  } catch {
    // Not shown: headers are where secrets stand.
    throw new HermError('BAD_ARGUMENT', 'headers must be names and values as HTTP has them.');
  }
}

async function addressSource(input: string | URL, options: SourceOptions): Promise<ByteSource> {
  const url = parseAddress(input);
  if (url.protocol === 'file:') return fileSource(fileURLToPath(url));
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new HermError('BAD_ARGUMENT', `Addresses must be http, https or file, not ${url.protocol}`, {
      protocol: url.protocol,
    });
  }
  const { slack = SLACK_BYTES } = options;
  return httpSource(url, Math.max(LEAST_BYTES, slack), slack, options);
}

function parseAddress(input: string | URL): URL {
  try {
    return new URL(input);
  } catch {
    throw new HermError('BAD_ARGUMENT', 'The address is not a valid URL. Check how it is written.');
  }
}

/** Whether it is read as it is. Anybody may call this from JavaScript with anything. */
export function isByteSource(input: unknown): input is ByteSource {
  return typeof input === 'object' && input !== null && 'read' in input && typeof input.read === 'function';
}

/** The same source, methods called on itself. */
function withSlack(source: ByteSource, slack: number): ByteSource {
  const { name, size, head } = source;
  return {
    name,
    size,
    slack,
    ...(head && { head }),
    read: (offset, length, signal) => source.read(offset, length, signal),
    close: () => source.close(),
  };
}

function sizeOf(input: unknown): number | undefined {
  if (typeof input !== 'object' || input === null || !('slice' in input) || typeof input.slice !== 'function') {
    return undefined;
  }
  const size = 'byteLength' in input ? input.byteLength : 'size' in input ? input.size : undefined;
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : undefined;
}

function asyncBufferSource(buffer: AsyncBuffer, size: number, slack: number): ByteSource {
  const name = 'buffer';
  return {
    name,
    size,
    slack,
    async read(offset, length) {
      const bytes = await sliceOf(buffer, offset, length).catch((cause: unknown) => {
        throw ioError('read', name, cause);
      });
      if (bytes.byteLength === length) return bytes;
      const why = `slice(${offset}, ${offset + length}) gave ${bytes.byteLength} bytes`;
      throw new HermError('IO', `Cannot read ${name}: ${why}.`, { file: name, offset, length });
    },
    async close() {},
  };
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

async function sliceOf(buffer: AsyncBuffer, offset: number, length: number): Promise<Uint8Array> {
  const slice = await buffer.slice(offset, offset + length);
  return bytesOf(ArrayBuffer.isView(slice) || slice instanceof ArrayBuffer ? slice : await slice.arrayBuffer());
}
