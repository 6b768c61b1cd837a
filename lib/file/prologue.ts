import { HermError } from '../errors.ts';
import { concat } from '../model/concat.ts';
import type { ByteSource } from '../model/source.ts';
import { type CodecOptions, decodeWords, encodeWords, plainWords, xxh64 } from './codec.ts';
import { guardJson } from './json_guard.ts';
import { type HermHeader, LIMITS } from './schema.ts';

/** Not text, not valid UTF-8, and damaged by every transfer that changes line ends, as in PNG. */
const MAGIC = Uint8Array.of(0x89, 0x48, 0x45, 0x52, 0x4d, 0x0d, 0x0a, 0x1a);
const MAJOR = 1;
const MINOR = 0;
/** Magic, versions, both lengths, checksum. */
export const PROLOGUE_BYTES = 28;

/** The bytes that a .herm file starts with, up to its first chunk. */
export async function encodePrologue(header: HermHeader, options: CodecOptions): Promise<Uint8Array> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  if (json.byteLength > LIMITS.headerBytes) {
    throw new HermError('HERM_LIMIT', `The header would have ${json.byteLength} bytes, beyond ${LIMITS.headerBytes}.`);
  }
  return wrapHeader(json, options);
}

/** {@link encodePrologue} for any bytes in place of the header's JSON. */
export async function wrapHeader(json: Uint8Array, options: CodecOptions): Promise<Uint8Array> {
  const stored = await encodeWords(json, plainWords(1), options);
  const fixed = new DataView(new ArrayBuffer(PROLOGUE_BYTES));
  new Uint8Array(fixed.buffer).set(MAGIC);
  fixed.setUint16(8, MAJOR, true);
  fixed.setUint16(10, MINOR, true);
  fixed.setUint32(12, stored.byteLength, true);
  fixed.setUint32(16, json.byteLength, true);
  fixed.setBigUint64(20, BigInt(`0x${await xxh64(stored, options)}`), true);
  return concat([new Uint8Array(fixed.buffer), stored]);
}

export interface Prologue {
  /** The header's JSON, parsed and not checked. */
  readonly value: unknown;
  /** Where the first chunk starts. */
  readonly end: number;
  /** All bytes up to there, as they are stored. */
  readonly bytes: Uint8Array;
}

/**
 * Reads the header of a file, or of a prefix that holds at least the header.
 *
 * @throws HermError `HERM_MAGIC`, `HERM_VERSION`, `HERM_TRUNCATED`, `HERM_CHECKSUM`, `HERM_LIMIT`, `HERM_CORRUPT`,
 * `HERM_HEADER`, or `IO` when the source cannot be read.
 */
export async function readPrologue(
  source: Pick<ByteSource, 'name' | 'size' | 'read'>,
  options: CodecOptions,
): Promise<Prologue> {
  const file = source.name;
  const start = await source.read(0, Math.min(PROLOGUE_BYTES, source.size), options.signal);
  if (MAGIC.some((byte, at) => at < start.byteLength && start[at] !== byte) || start.byteLength === 0) {
    throw new HermError('HERM_MAGIC', `${file} is not a .herm file. Compress a model first: herm compress.`, { file });
  }
  const truncated = () =>
    new HermError('HERM_TRUNCATED', `${file} ends inside its header; download more of it.`, {
      file,
      size: source.size,
    });
  if (start.byteLength < PROLOGUE_BYTES) throw truncated();
  const fixed = new DataView(start.buffer, start.byteOffset, PROLOGUE_BYTES);
  const major = fixed.getUint16(8, true);
  if (major !== MAJOR) {
    const advice = major > MAJOR ? 'Update hermkit.' : 'Compress the model again.';
    const why = `${file} has version ${major} of the .herm format, and this hermkit reads version ${MAJOR}. ${advice}`;
    throw new HermError('HERM_VERSION', why, { file, version: major });
  }
  const storedLength = fixed.getUint32(12, true);
  const length = fixed.getUint32(16, true);
  checkLengths(storedLength, length, file);
  const end = PROLOGUE_BYTES + storedLength;
  if (end > source.size) throw truncated();
  const stored = await source.read(PROLOGUE_BYTES, storedLength, options.signal);
  const checksum = fixed.getBigUint64(20, true).toString(16).padStart(16, '0');
  if ((await xxh64(stored, options)) !== checksum) {
    const why = `The header of ${file} is damaged: its checksum is wrong. Download it again.`;
    throw new HermError('HERM_CHECKSUM', why, { file });
  }
  const json = await decodeWords(stored, length, plainWords(1), `The header of ${file}`, options);
  guardJson(json, storedLength, file);
  return { value: parseJson(json, file), end, bytes: concat([start, stored]) };
}

function checkLengths(stored: number, length: number, file: string): void {
  if (length <= LIMITS.headerBytes && length <= 2 ** 20 + LIMITS.headerRatio * stored) return;
  const why = `The header of ${file} claims to hold ${length} bytes, more than its ${stored} stored ones can.`;
  throw new HermError('HERM_LIMIT', why, { file });
}

function parseJson(json: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json));
  } catch (cause) {
    const why = `The header of ${file} is not valid JSON. Download or compress it again.`;
    throw new HermError('HERM_HEADER', why, { file }, { cause });
  }
}
