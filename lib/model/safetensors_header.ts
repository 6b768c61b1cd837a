import { type JSONVisitor, type ParseErrorCode, printParseErrorCode, visit } from 'jsonc-parser';
import { HermError, type HermErrorCode } from '../errors.ts';
import { quoteName } from './messages.ts';
import { dtypeBits, type TensorInfo } from './tensor.ts';

/** The header key that holds free text, and so cannot name a tensor. */
export const METADATA_KEY = '__metadata__';
/** Bytes of the little-endian header length that a file starts with. */
export const LENGTH_BYTES = 8;
/** The reference's limit for a header without its length bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

/** The reference's JSON parser refuses the 128th level. */
const MAX_DEPTH = 127;
/** No framework has tensors of more than 64 dimensions; the bound keeps a hostile header from filling the memory. */
const MAX_RANK = 1024;
/**
 * The JSON library joins strings and white space piece by piece, at some 32 bytes for each escape sequence or blank:
 * these bounds, far above what any writer produces, keep that to about 200 MB for a hostile header.
 */
const MAX_ESCAPES = 4_000_000;
const MAX_BLANK_RUN = 1_000_000;

export interface ParsedHeader {
  /** In header order; each offset and dimension a safe non-negative integer, each dtype known; nothing else checked. */
  readonly tensors: TensorInfo[];
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Parses the JSON of a safetensors header: the same grammar and types as the reference implementation (serde_json), but
 * a repeated key is an error at every level that is read, because there the last one would silently win. Memory stays
 * within a small multiple of the header's size whatever it holds.
 *
 * @param json the header without its 8 length bytes.
 * @param file what messages call the file.
 * @throws HermError with a `SAFETENSORS_…` code that says which rule the header breaks.
 */
export function parseSafetensorsHeader(json: Uint8Array, file: string): ParsedHeader {
  const text = decodeText(json, file);
  const reader = new HeaderReader(text, file);
  visit(text, reader, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  return { tensors: reader.tensors, metadata: reader.metadata };
}

function decodeText(json: Uint8Array, file: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json);
  } catch (cause) {
    throw refusal('SAFETENSORS_UTF8', file, 'the header is not valid UTF-8', {}, cause);
  }
  const start = skipBlanks(json, 0, 1);
  const end = skipBlanks(json, json.length - 1, -1) + 1;
  if (start >= end) throw refusal('SAFETENSORS_JSON', file, 'the header is empty');
  if (json[start] !== 0x7b) throw refusal('SAFETENSORS_HEADER_START', file, 'the header does not start with "{"');
  checkJoins(json.subarray(start, end), file);
  // Blanks are ASCII, one byte and one code unit each, so the byte counts at both ends hold for the text as well.
  return text.slice(start, text.length - (json.length - end));
}

const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;

function skipBlanks(json: Uint8Array, from: number, step: 1 | -1): number {
  let at = from;
  while (isBlank(json[at])) at += step;
  return at;
}

function checkJoins(json: Uint8Array, file: string): void {
  let escapes = 0;
  let blanks = 0;
  // An index, not for-of: that is several times slower on a header of the largest size.
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (byte === 0x5c) escapes++;
    blanks = byte <= 0x20 ? blanks + 1 : 0;
    if (escapes > MAX_ESCAPES) {
      throw refusal('SAFETENSORS_JSON', file, `the header has more than ${MAX_ESCAPES} escape sequences`);
    }
    if (blanks > MAX_BLANK_RUN) {
      throw refusal('SAFETENSORS_JSON', file, `the header has more than ${MAX_BLANK_RUN} blanks in a row inside`);
    }
  }
}

/** An error about a file that breaks a rule of the format. */
export function refusal(
  code: HermErrorCode,
  file: string,
  why: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): HermError {
  const message = `${file} is not a valid safetensors file: ${why}. Download or export it again.`;
  return new HermError(code, message, { file, ...details }, cause === undefined ? undefined : { cause });
}

type Literal = string | number | boolean | null;
/** The containers whose contents mean something; every other one is parsed, checked and dropped. */
type Place = 'header' | 'metadata' | 'entry' | 'shape' | 'data_offsets';

interface Entry {
  readonly name: string;
  readonly fields: Set<string>;
  readonly shape: number[];
  readonly offsets: number[];
  dtype: string;
}

/**
 * Follows the JSON library's events; builds nothing but the result. It throws at the first error, also at a nesting
 * depth that the library's recursion could not stand.
 */
class HeaderReader implements JSONVisitor {
  readonly tensors: TensorInfo[] = [];
  readonly metadata = new Map<string, string>();
  readonly #text: string;
  readonly #file: string;
  readonly #names = new Set<string>();
  readonly #places: Place[] = [];
  /** Containers open inside a field that means nothing to the format. */
  #skipping = 0;
  #depth = 0;
  #key = '';
  #entry: Entry = newEntry('');

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  // The library calls these without `this`, so they are arrow functions.
  readonly onObjectBegin = (offset: number): void => this.#begin('object', offset);
  readonly onArrayBegin = (offset: number): void => this.#begin('array', offset);
  readonly onObjectEnd = (): void => this.#end();
  readonly onArrayEnd = (): void => this.#end();

  readonly onError = (error: ParseErrorCode, offset: number): void => {
    throw this.#refuse('SAFETENSORS_JSON', `its header is not valid JSON (${printParseErrorCode(error)})`, offset);
  };

  readonly onObjectProperty = (key: string, offset: number): void => {
    this.#checkWellFormed(key, offset);
    if (this.#skipping > 0) return;
    const place = this.#places.at(-1);
    const seen = place === 'header' ? this.#names : place === 'metadata' ? this.metadata : this.#entry.fields;
    if (seen.has(key)) {
      throw this.#refuse('SAFETENSORS_DUPLICATE_KEY', `its header has the key ${quoteName(key)} twice`, offset);
    }
    if (place === 'header') {
      this.#names.add(key);
      this.#entry = newEntry(key);
    } else if (place === 'entry') {
      this.#entry.fields.add(key);
    }
    this.#key = key;
  };

  readonly onLiteralValue = (value: Literal, offset: number, length: number): void => {
    if (typeof value === 'string') this.#checkWellFormed(value, offset);
    if (value === Infinity || value === -Infinity) {
      throw this.#refuse('SAFETENSORS_JSON', 'its header has a number that is out of range', offset);
    }
    if (this.#skipping > 0) return;
    const place = this.#places.at(-1);
    if (place === 'metadata') {
      if (typeof value !== 'string') throw this.#badMetadata(offset);
      this.metadata.set(this.#key, value);
    } else if (place === 'entry') {
      if (this.#key === 'shape' || this.#key === 'data_offsets') throw this.#badField(offset);
      if (this.#key === 'dtype') this.#entry.dtype = this.#checkDType(value, offset);
    } else if (place === 'shape' || place === 'data_offsets') {
      this.#addNumber(place, offset, length);
    } else if (this.#entry.name === METADATA_KEY) {
      // As in the reference, null stands for no metadata.
      if (value !== null) throw this.#badMetadata(offset);
    } else {
      throw this.#badEntry(offset);
    }
  };

  #begin(kind: 'object' | 'array', offset: number): void {
    if (++this.#depth > MAX_DEPTH) {
      throw this.#refuse('SAFETENSORS_JSON', `its header is nested deeper than ${MAX_DEPTH} levels`, offset);
    }
    const opened = this.#skipping > 0 ? undefined : this.#enter(kind, offset);
    if (opened === undefined) this.#skipping++;
    else this.#places.push(opened);
  }

  /** What a container that starts here holds, or undefined when it lies in a field that means nothing to the format. */
  #enter(kind: 'object' | 'array', offset: number): Place | undefined {
    const place = this.#places.at(-1);
    if (place === undefined) return 'header';
    if (place === 'header') {
      const isMetadata = this.#entry.name === METADATA_KEY;
      if (kind === 'array') throw isMetadata ? this.#badMetadata(offset) : this.#badEntry(offset);
      return isMetadata ? 'metadata' : 'entry';
    }
    if (place === 'metadata') throw this.#badMetadata(offset);
    if (place !== 'entry') throw this.#badNumber(place, offset, 'a container');
    if (this.#key === 'shape' || this.#key === 'data_offsets') {
      if (kind === 'object') throw this.#badField(offset);
      return this.#key;
    }
    if (this.#key === 'dtype') this.#checkDType(null, offset);
    return undefined;
  }

  #end(): void {
    this.#depth--;
    if (this.#skipping > 0) this.#skipping--;
    else if (this.#places.pop() === 'entry') this.#finishEntry();
  }

  #finishEntry(): void {
    const { name, fields, dtype, shape, offsets } = this.#entry;
    if (!fields.has('dtype')) throw this.#refuse('SAFETENSORS_DTYPE', `${this.#subject()} has no dtype`);
    if (!fields.has('shape')) throw this.#refuse('SAFETENSORS_SHAPE', `${this.#subject()} has no shape`);
    const [begin, end] = offsets;
    if (begin === undefined || end === undefined || offsets.length > 2) {
      const why = `${this.#subject()} has ${offsets.length} data_offsets instead of 2`;
      throw this.#refuse('SAFETENSORS_OFFSETS', why);
    }
    this.tensors.push({ name, dtype, shape, begin, end });
  }

  #checkDType(value: Literal, offset: number): string {
    if (typeof value === 'string' && dtypeBits(value) !== undefined) return value;
    const what = typeof value === 'string' ? `the unknown dtype ${quoteName(value)}` : 'a dtype that is not a string';
    throw this.#refuse('SAFETENSORS_DTYPE', `${this.#subject()} has ${what}`, offset);
  }

  #addNumber(place: 'shape' | 'data_offsets', offset: number, length: number): void {
    const digits = length <= 16 ? this.#text.slice(offset, offset + length) : '';
    // The reference reads unsigned integers here: no sign, point or exponent, even where the value would be whole.
    const value = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw this.#badNumber(place, offset, this.#text.slice(offset, offset + length));
    const list = place === 'shape' ? this.#entry.shape : this.#entry.offsets;
    if (list.length >= (place === 'shape' ? MAX_RANK : 3)) {
      throw this.#refuse(FIELD_CODES[place], `${this.#subject()} has too many numbers in its ${place}`, offset);
    }
    list.push(value);
  }

  #checkWellFormed(text: string, offset: number): void {
    if (isWellFormed(text)) return;
    throw this.#refuse('SAFETENSORS_JSON', 'its header has an escaped half of a surrogate pair', offset);
  }

  #badMetadata(offset: number): HermError {
    return this.#refuse('SAFETENSORS_METADATA', `${METADATA_KEY} must map names to strings only`, offset);
  }

  #badEntry(offset: number): HermError {
    return this.#refuse('SAFETENSORS_JSON', `${this.#subject()} is not described by an object`, offset);
  }

  #badField(offset: number): HermError {
    const place = this.#key as 'shape' | 'data_offsets';
    return this.#refuse(FIELD_CODES[place], `${this.#subject()} has a ${place} that is not an array`, offset);
  }

  #badNumber(place: 'shape' | 'data_offsets', offset: number, found: string): HermError {
    const why = `${this.#subject()} has ${quoteName(found)} in its ${place}, where only whole numbers up to 2^53 may be`;
    return this.#refuse(FIELD_CODES[place], why, offset);
  }

  #subject(): string {
    return `tensor ${quoteName(this.#entry.name)}`;
  }

  #refuse(code: HermErrorCode, why: string, offset?: number): HermError {
    const where = offset === undefined ? '' : ` (at character ${offset} of the header)`;
    const inEntry = this.#places.length > 1 && this.#entry.name !== METADATA_KEY;
    return refusal(code, this.#file, why + where, inEntry ? { tensor: this.#entry.name } : {});
  }
}

const FIELD_CODES = { shape: 'SAFETENSORS_SHAPE', data_offsets: 'SAFETENSORS_OFFSETS' } as const;

function newEntry(name: string): Entry {
  return { name, fields: new Set(), shape: [], offsets: [], dtype: '' };
}

/** Half a surrogate pair cannot be written as UTF-8, and the reference's strings are UTF-8. */
export function isWellFormed(text: string): boolean {
  return !/\p{Cs}/u.test(text);
}
