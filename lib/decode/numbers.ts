import { corrupt } from './corrupt.ts';
import { emptyNumbers, FLOAT_FORMATS, type FloatDtype, type FloatFormat, type Numbers } from './float_format.ts';
import { decodeLanes } from './lanes.ts';
import { decodeWords, joined, type WordLayout } from './planes.ts';
import { readLeb128 } from './rans.ts';

const PIECE_NUMBERS = 2 ** 21;
export const STRIP_ELEMENTS = 1024;
const LEAST_COLUMNS = 256;
const MOST_COLUMNS = 2 ** 16;

const METHOD_PLANES = 0;
const METHOD_LANES = 1;
const METHOD_EVEN_LANES = 2;

/** A tensor that no hierarchy merges, as its bytes in the original: FORMAT.md, section 3. */
export function decodeTensor(data: Uint8Array, dtype: string, shape: readonly number[], bytes: number): Uint8Array {
  // Complex numbers are pairs of single-precision ones.
  if (dtype === 'C64') return decodeNumbers(data, FLOAT_FORMATS.F32, rowLength([...shape, 2]), bytes / 4);
  if (Object.hasOwn(FLOAT_FORMATS, dtype)) {
    const format = FLOAT_FORMATS[dtype as FloatDtype];
    return decodeNumbers(data, format, rowLength(shape), bytes / format.bytes);
  }
  const wordBytes = PLAIN_WORDS.get(dtype) ?? 1;
  return decodeWords(data, bytes / wordBytes, { wordBytes, float: false });
}

/** Bytes of the words of other dtypes; of those that are not here, 1. */
const PLAIN_WORDS: ReadonlyMap<string, WordLayout['wordBytes']> = new Map([
  ['I16', 2],
  ['U16', 2],
  ['I32', 4],
  ['U32', 4],
  ['I64', 8],
  ['U64', 8],
]);

/** How many numbers make a row for coding. */
function rowLength(shape: readonly number[]): number {
  let numbers = 1;
  for (const size of shape.slice(1).reverse()) {
    if (numbers >= LEAST_COLUMNS) break;
    numbers *= size;
  }
  if (numbers === 0 || numbers > MOST_COLUMNS) numbers = 1;
  return numbers * Math.ceil(LEAST_COLUMNS / numbers);
}

function decodeNumbers(data: Uint8Array, format: FloatFormat, columns: number, count: number): Uint8Array {
  const rowsOfPiece = Math.floor(PIECE_NUMBERS / columns);
  const rows = Math.floor(count / columns);
  const pieces: Uint8Array[] = [];
  let at = 0;
  const next = (rowCount: number, length: number) => {
    const { value, end } = readLeb128(data, at);
    if (value === 0 || value > data.length - end) throw corrupt('a piece of numbers is not there as a whole');
    at = end + value;
    pieces.push(decodePiece(data.subarray(end, at), format, rowCount, length));
  };
  for (let row = 0; row < rows; row += rowsOfPiece) next(Math.min(rowsOfPiece, rows - row), columns);
  // What fills no row.
  if (count % columns > 0) next(1, count % columns);
  if (at !== data.length) throw corrupt('bytes are left over after the last piece of numbers');
  return joined(pieces);
}

function decodePiece(data: Uint8Array, format: FloatFormat, rows: number, columns: number): Uint8Array {
  const body = data.subarray(1);
  if (data[0] === METHOD_PLANES) {
    return decodeWords(body, rows * columns, { wordBytes: format.bytes as WordLayout['wordBytes'], float: true });
  }
  const even = data[0] === METHOD_EVEN_LANES;
  if (data[0] !== METHOD_LANES && !even) throw corrupt('a piece of numbers uses an unknown method');
  return decodeRoots(body, format, { rows, columns, even });
}

interface RootRows {
  readonly rows: number;
  readonly columns: number;
  /** Columns are of one scale. */
  readonly even: boolean;
}

/** Rows as the roots of a hierarchy that splits none of them. */
function decodeRoots(data: Uint8Array, format: FloatFormat, { rows, columns, even }: RootRows): Uint8Array {
  const shift = data[0];
  if (shift === undefined || shift > format.mantissa) throw corrupt('a piece of numbers has no such shift');
  const strips = Math.ceil(columns / STRIP_ELEMENTS);
  const lengths: number[] = [];
  let at = 1;
  for (let strip = 0; strip < strips; strip++) {
    const { value, end } = readLeb128(data, at);
    lengths.push(value);
    at = end;
  }
  const sections = lengths.flatMap((length) => {
    if (length > data.length - at) throw corrupt('a section is longer than what there is');
    at += length;
    return [new Uint8Array(0), data.subarray(at - length, at)];
  });
  if (at !== data.length) throw corrupt('bytes are left over after the last section');
  const numbers = Array.from({ length: rows }, () => emptyNumbers(format, columns));
  const nodes = {
    format,
    shift,
    roots: rows,
    parents: [],
    coefficients: [],
    followed: [],
    floors: new Uint16Array(rows),
    rows: numbers,
    length: columns,
    onlyFollowed: false,
    even,
  };
  decodeLanes(nodes, { instructions: [0], elements: [columns], strips }, 0, sections);
  return wordsOf(format, numbers);
}

/** Rows of numbers as bytes. */
export function wordsOf(format: FloatFormat, rows: readonly Numbers[]): Uint8Array {
  const columns = rows[0]?.length ?? 0;
  const bytes = new Uint8Array(rows.length * columns * format.bytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const row of rows) {
    for (const value of row) {
      format.write(view, at, value);
      at += format.bytes;
    }
  }
  return bytes;
}
