import { HermError } from '../errors.ts';

/** What no encoder writes. */
export function corrupt(what: string): HermError {
  return new HermError('HERM_CORRUPT', `This .herm file is corrupt: ${what}.`);
}
