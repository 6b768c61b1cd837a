import { HermError } from '../errors.ts';
import type { AsyncBuffer } from '../source/input.ts';
import { ByteReader } from './byte_reader.ts';
import { Container } from './container.ts';
import { HermDecoder } from './herm_decoder.ts';

export { HERM_ERROR_CODES, HermError, type HermErrorCode, type HermErrorDetails } from '../errors.ts';
export type { HermHeader } from '../file/schema.ts';
export type { AsyncBuffer } from '../source/input.ts';
export type { DecodedTensor, HermDecoder, OriginalFile } from './herm_decoder.ts';

/**
 * Opens a .herm file, or the beginning of one, without native code: slowly, and wherever JavaScript runs. It can be a
 * Blob, and anything else that gives slices of itself, which are read when they are needed.
 *
 * @throws HermError `HERM_MAGIC`, `HERM_VERSION`, `HERM_HEADER`, `HERM_TRUNCATED`, `HERM_CHECKSUM`, `HERM_CORRUPT`,
 * `HERM_LIMIT`, `IO`, `BAD_ARGUMENT`.
 */
export async function openHerm(input: Uint8Array | AsyncBuffer): Promise<HermDecoder> {
  if (typeof input !== 'object' || input === null || typeof (input as AsyncBuffer).slice !== 'function') {
    throw new HermError(
      'BAD_ARGUMENT',
      'A file must be a Uint8Array, a Blob, or an object with byteLength and slice().',
    );
  }
  return new HermDecoder(await Container.open(new ByteReader(input)));
}
