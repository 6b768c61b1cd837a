import { HermError, type HermErrorCode } from '../errors.ts';
import type { Block } from '../model/block.ts';
import { checkFileNames } from '../model/file_name.ts';
import { quoteName } from '../model/messages.ts';
import { dtypeBytes, type TensorInfo, tensorBytes } from '../model/tensor.ts';
import { growsAt } from './groups.ts';
import { checkJoined, wholeTensors } from './joined.ts';
import { type Layout, planLayout, weightShape } from './layout.ts';
import { type ChunkEntry, type HermHeader, headerSchema, LIMITS } from './schema.ts';

/** A header that has passed every check that needs nothing but the header. */
export interface CheckedHeader {
  readonly json: HermHeader;
  readonly blocks: readonly Block[];
  readonly layout: Layout;
  /** Zero low bits that all elements of each weight tensor share, in the order of `layout.weights`. */
  readonly shifts: readonly number[];
  /** [files] bytes that no tensor covers: what is in the `source` chunks. */
  readonly sourceBytes: readonly number[];
  /** Bytes of all chunks together. */
  readonly chunkBytes: number;
}

/** K = m − T of every block. */
export function smallestWidths(blocks: HermHeader['blocks']): number[] {
  return blocks.map(({ neurons, merges }) => neurons - merges);
}

/**
 * Checks a header's JSON against the schema and against itself, so that later code can index by what it says.
 *
 * @throws HermError `HERM_HEADER` that says what is wrong, `HERM_LIMIT` beyond the limits of the format.
 */
export function checkHeader(value: unknown, file: string): CheckedHeader {
  const parsed = headerSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const where = issue.path.length === 0 ? 'its header' : `${issue.path.map(String).join('.')} of its header`;
    throw refuse(issue.code === 'too_big' ? 'HERM_LIMIT' : 'HERM_HEADER', file, `${where}: ${issue.message}`);
  }
  const json = parsed.data;
  checkFileNames(
    [...json.files, ...json.extras].map(({ name }) => name),
    file,
  );
  const sourceBytes = checkTensors(json, file);
  const blocks = json.blocks.map(toBlock);
  checkNames(
    blocks.map(({ name }) => name),
    'block',
    file,
  );
  const layout = attempt(file, () => planLayout(json.tensors, blocks));
  attempt(file, () => checkJoined(json, columnsIn(layout)));
  checkNames(
    wholeTensors(json).map(({ name }) => name),
    'tensor',
    file,
  );
  checkLadder(json, file);
  checkPerBlockLists(json, file);
  const shifts = checkShifts(json, layout, file);
  const chunkBytes = checkChunks(json, layout, file);
  return { json, blocks, layout, shifts, sourceBytes, chunkBytes };
}

function refuse(code: HermErrorCode, file: string, why: string): HermError {
  return new HermError(code, `${file} is not a valid .herm file: ${why}. Download or compress it again.`, { file });
}

/** Runs a check of another module, whose refusal here means that the header is wrong. */
function attempt<T>(file: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof HermError)) throw cause;
    throw new HermError('HERM_HEADER', `${file} is not a valid .herm file. ${cause.message}`, { file }, { cause });
  }
}

/** The block that a tensor's columns belong to, if they do. */
function columnsIn({ weights }: Layout): (tensor: string) => number | undefined {
  const blocks = new Map(weights.map(({ name, colAxis }) => [name, colAxis?.block]));
  return (tensor) => blocks.get(tensor);
}

function toBlock({ merges: _, bias, outputBias, gate, ...rest }: HermHeader['blocks'][number]): Block {
  const plain = { ...rest, bias, outputBias };
  return gate === undefined ? plain : { ...plain, gate: { weight: gate.weight, bias: gate.bias } };
}

function checkNames(names: readonly string[], what: string, file: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw refuse('HERM_HEADER', file, `two ${what}s are named ${quoteName(name)}`);
    seen.add(name);
  }
}

/**
 * The tensors must lie in their files in order, none over another, each as large as its shape says; those of a
 * safetensors file fill its data section without holes.
 *
 * @returns [files] bytes that no tensor covers.
 */
function checkTensors({ tensors, files }: HermHeader, file: string): number[] {
  checkNames(
    tensors.map(({ name }) => name),
    'tensor',
    file,
  );
  const ends = files.map(() => 0);
  const rest = files.map(({ size }) => size);
  let last = 0;
  for (const info of tensors) {
    const before = ends[info.file];
    const bytes = bytesOf(info, file);
    if (before === undefined || info.file < last || info.end - info.begin !== bytes || !follows(info, before, files)) {
      throw refuse('HERM_HEADER', file, `tensor ${quoteName(info.name)} does not lie where the one before it ends`);
    }
    last = info.file;
    ends[last] = info.end;
    rest[last]! -= bytes;
  }
  for (const [n, { name, size, dataOffset, format }] of files.entries()) {
    const end = dataOffset + ends[n]!;
    if (format === 'safetensors' ? end === size : end <= size) continue;
    throw refuse('HERM_HEADER', file, `the tensors of ${quoteName(name)} need ${ends[n]} bytes, but it has ${size}`);
  }
  return rest;
}

/** Whether a tensor may begin where it does; `before` is where the one before it ends. */
function follows(
  { begin, file }: { begin: number; file: number },
  before: number,
  files: HermHeader['files'],
): boolean {
  return files[file]!.format === 'safetensors' ? begin === before : begin >= before;
}

function bytesOf({ name, dtype, shape }: TensorInfo, file: string): number {
  return tensorBytes(dtype, shape, (_, why) => refuse('HERM_HEADER', file, `tensor ${quoteName(name)} ${why}`));
}

function checkLadder({ ladder, blocks }: HermHeader, file: string): void {
  const bad = (why: string) => refuse('HERM_HEADER', file, `its ladder of widths ${why}`);
  let before = smallestWidths(blocks);
  for (const [index, { name, merges, neurons }] of blocks.entries()) {
    if (merges >= neurons) throw bad(`cannot merge the ${neurons} neurons of ${quoteName(name)} ${merges} times`);
    if (ladder[0]![index] !== before[index]) throw bad('does not start at the smallest widths');
    if (ladder.at(-1)![index] !== neurons) throw bad('does not end at the full widths');
  }
  for (const widths of ladder) {
    if (widths.length !== blocks.length) throw bad('does not have one width for every block');
    if (widths.some((width, block) => width < before[block]!)) throw bad('goes down');
    before = widths;
  }
}

function checkPerBlockLists({ blocks, ladder, errors, measured = errors, refits }: HermHeader, file: string): void {
  for (const own of [errors, measured]) {
    if (own.length === blocks.length && own.every((levels) => levels.length === ladder.length)) continue;
    throw refuse('HERM_HEADER', file, 'its error certificates do not match its blocks and levels');
  }
  for (const { widths, errors: left, measured: found = left } of refits) {
    const whole = left.length === blocks.length && found.length === blocks.length;
    if (!whole) throw refuse('HERM_HEADER', file, 'a refit has not one error for every block');
    const fits = widths.length === blocks.length && blocks.every((block, b) => isWidth(block, widths[b]!));
    if (!fits) throw refuse('HERM_HEADER', file, 'a refit has widths that its blocks do not have');
  }
}

function isWidth({ neurons, merges }: HermHeader['blocks'][number], width: number): boolean {
  return width >= neurons - merges && width <= neurons;
}

function checkShifts({ shifts, tensors }: HermHeader, layout: Layout, file: string): number[] {
  const byName = new Map(shifts.map(([index, shift]) => [tensors[index]?.name, shift]));
  const ordered = layout.weights.map(({ name, dtype }) => {
    const shift = byName.get(name);
    if (shift !== undefined && shift <= MANTISSA_BITS[dtype]) return shift;
    throw refuse('HERM_HEADER', file, `its list of shifts does not fit tensor ${quoteName(name)}`);
  });
  if (shifts.length !== ordered.length) throw refuse('HERM_HEADER', file, 'it has shifts for other tensors');
  return ordered;
}

const MANTISSA_BITS = { F64: 52, F32: 23, F16: 10, BF16: 7 } as const;

/** What a chunk is, wherever it stands. */
export type ChunkName = Pick<ChunkEntry, 'kind' | 'index' | 'group'>;

/** What the chunks of a file follow from, beside its layout. */
interface ChunkPlan {
  readonly files: readonly unknown[];
  readonly extras: readonly unknown[];
  readonly tensors: readonly Pick<TensorInfo, 'name'>[];
  readonly ladder: readonly (readonly number[])[];
  readonly refits: readonly { readonly widths: readonly number[] }[];
}

/** The chunks that a file must have, in order. One by one: a header can ask for far more than it lists. */
export function* expectedChunks(
  { files, extras, tensors, ladder, refits }: ChunkPlan,
  { flat, groups }: Layout,
): Generator<ChunkName, undefined> {
  const tensorIndex = new Map(tensors.map(({ name }, index) => [name, index]));
  const refitLevels = refits.map(({ widths }) => levelOf(ladder, widths));
  for (const index of files.keys()) yield { kind: 'source', index };
  for (const index of extras.keys()) yield { kind: 'extra', index };
  for (const { name } of flat) yield { kind: 'flat', index: tensorIndex.get(name)! };
  for (const level of ladder.keys()) {
    for (const [group, members] of groups.entries()) {
      if (growsAt(ladder, members, level)) yield { kind: 'level', index: level, group };
    }
    for (const [index, reached] of refitLevels.entries()) {
      if (reached !== level) continue;
      for (const group of groups.keys()) yield { kind: 'refit', index, group };
    }
  }
  return undefined;
}

/** How many chunks from the first on serve each level of the ladder. */
export function levelEnds({ chunks, ladder }: HermHeader): number[] {
  const ends = ladder.map(() => 0);
  for (const [chunk, { kind, index }] of chunks.entries()) {
    if (kind === 'level') ends[index] = chunk + 1;
    else if (WHOLE_KINDS.includes(kind)) ends[0] = chunk + 1;
  }
  for (const level of ends.keys()) ends[level] = Math.max(ends[level]!, ends[level - 1] ?? 0);
  return ends;
}

/** The first level that serves these widths of all blocks. */
export function levelOf(ladder: readonly (readonly number[])[], widths: readonly number[]): number {
  return ladder.findIndex((level) => level.every((width, block) => width >= widths[block]!));
}

/** Needed at every width. */
const WHOLE_KINDS: readonly string[] = ['source', 'extra', 'flat'];
const CHUNK_KINDS: readonly string[] = [...WHOLE_KINDS, 'level', 'refit'];

function checkChunks(json: HermHeader, layout: Layout, file: string): number {
  const expected = expectedChunks(json, layout);
  let next = 0;
  for (const [n, { kind, index, group, optional, offset, length }] of json.chunks.entries()) {
    const skipped = optional === true && !CHUNK_KINDS.includes(kind);
    const due = skipped ? undefined : expected.next().value;
    if (offset !== next || !(skipped || (kind === due?.kind && index === due.index && group === due.group))) {
      throw refuse('HERM_HEADER', file, `chunk ${n} of its index is not the one that must stand there`);
    }
    next = offset + length;
  }
  if (expected.next().done !== true) throw refuse('HERM_HEADER', file, 'its chunk index is too short');
  if (!Number.isSafeInteger(next)) throw refuse('HERM_HEADER', file, 'its chunks are larger than any file');
  return next;
}

/** Bytes that decoding everything a file holds would take: flat tensors, and matrices up to the held level. */
export function plainBytes(header: CheckedHeader, heldChunks: number): number {
  const { json, layout, sourceBytes } = header;
  let bytes = 0;
  for (const { kind, index } of json.chunks.slice(0, heldChunks)) {
    if (kind === 'source') bytes += sourceBytes[index]!;
    else if (kind === 'extra') bytes += json.extras[index]!.size;
    else if (kind === 'flat') bytes += json.tensors[index]!.end - json.tensors[index]!.begin;
  }
  const level = json.chunks.slice(0, heldChunks).findLast(({ kind }) => kind === 'level')?.index;
  if (level === undefined) return bytes;
  const widths = json.ladder[level]!;
  for (const weight of layout.weights) {
    const [rows, cols] = weightShape(weight, widths);
    bytes += rows * cols * dtypeBytes(weight.dtype);
  }
  return bytes;
}

/** @throws HermError `HERM_LIMIT` when a file declares far more data than its size makes plausible. */
export function checkPlausible(header: CheckedHeader, heldChunks: number, fileSize: number, file: string): void {
  const bytes = plainBytes(header, heldChunks);
  if (bytes <= LIMITS.plainBytes || bytes <= LIMITS.plainRatio * fileSize) return;
  throw refuse('HERM_LIMIT', file, `its ${fileSize} bytes claim to hold ${bytes} bytes of tensors`);
}
