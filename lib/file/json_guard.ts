import { HermError } from '../errors.ts';
import { LIMITS } from './schema.ts';

/** Bytes that mean something in JSON. */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Looks over JSON before it is parsed. Three bytes of it can become a hundred bytes of objects, and a few megabytes of
 * brackets exhaust the parser's stack: what no header has is refused while it is still bytes.
 *
 * @param stored bytes that the text was stored in.
 * @throws HermError `HERM_LIMIT`
 */
export function guardJson(json: Uint8Array, stored: number, file: string): void {
  let inString = false;
  let depth = 0;
  let items = 0;
  const most = LIMITS.headerItems + LIMITS.headerItemRatio * stored;
  for (let at = 0; at < json.byteLength; at++) {
    const byte = json[at]!;
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
      continue;
    }
    if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
    const opens = byte === OPEN_LIST || byte === OPEN_OBJECT;
    if (!opens && byte !== QUOTE) continue;
    inString = !opens;
    if (opens && ++depth > LIMITS.headerDepth) throw refuse(file, `is nested more than ${LIMITS.headerDepth} deep`);
    if (++items > most) throw refuse(file, `has more than ${most} objects, lists and texts`);
  }
}

function refuse(file: string, why: string): HermError {
  return new HermError('HERM_LIMIT', `The header of ${file} ${why}. Download or compress it again.`, { file });
}
