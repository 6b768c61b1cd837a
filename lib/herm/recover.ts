import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import { ahead } from '../file/ahead.ts';
import type { HermContent } from '../file/content.ts';
import { atomicDirectory } from '../model/atomic_directory.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import { Digest } from '../model/digest.ts';
import { quoteName } from '../model/messages.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';

export interface RecoverOptions extends CallOptions {
  /** Which of the model's files, by name; not needed where there is only one. */
  readonly file?: string | undefined;
}

/** A piece of one of the original's files. */
export interface RecoveredPiece {
  /** The name of the file. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/**
 * Changes pieces on their way out: the original's bytes are read and compared all the same.
 *
 * @param file which of the files that hold tensors
 * @param at where in that file the bytes, which are not to be written to, begin
 */
export type EditPiece = (file: number, at: number, bytes: Uint8Array) => Promise<Uint8Array>;

/** A file of the original, and what it is made of. */
interface Part {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Whoever gets a piece only reads it, and is done with it before asking for the next one. */
  readonly onlyRead: boolean;
  pieces(options: CallOptions): AsyncGenerator<Uint8Array, void, undefined>;
  edit?(at: number, bytes: Uint8Array): Promise<Uint8Array>;
}

/**
 * The files of the original: those that hold tensors, then those beside them. One pass: the content forgets as it goes.
 *
 * @param onlyRead see {@link Part}
 */
function partsOf(held: HermContent, onlyRead = false, edit?: EditPiece): Part[] {
  held.requireComplete('recovering the original');
  const content = held.forOnePass();
  const { files, extras } = held.header.json;
  return [
    ...files.map((file, index) => ({
      ...file,
      onlyRead,
      pieces: (options: CallOptions) => content.originalFile(index, onlyRead, options),
      ...(edit && { edit: (at: number, bytes: Uint8Array) => edit(index, at, bytes) }),
    })),
    ...extras.map((extra, index) => ({
      ...extra,
      onlyRead,
      async *pieces(options: CallOptions) {
        yield await content.extra(index, options);
      },
    })),
  ];
}

/** @throws HermError `DIGEST_MISMATCH` as the last step, where the pieces are not the file's. */
async function* recoverPart(
  part: Part,
  where: string,
  options: CallOptions,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digest = new Digest();
  let at = 0;
  for await (const bytes of ahead(part.pieces({ signal: options.signal, threads: options.threads }))) {
    throwIfAborted(options.signal);
    // Of a piece that nobody changes, the rest is hashed while it is written.
    const hashed = digest.update(bytes);
    if (!part.onlyRead) await hashed;
    onBytes(bytes.byteLength);
    yield (await part.edit?.(at, bytes)) ?? bytes;
    await hashed;
    at += bytes.byteLength;
  }
  const found = digest.hex();
  if (found === part.sha256) return;
  throw new HermError(
    'DIGEST_MISMATCH',
    `What ${where} gives back is not ${part.name}: its SHA-256 is ${found}, not ${part.sha256}. Download or compress it again.`,
    { file: where, digest: found, expected: part.sha256 },
  );
}

/** Reports progress over all of these parts. */
function counter(parts: readonly Part[], options: CallOptions): (bytes: number) => void {
  requireArguments({ options });
  const { onProgress } = options;
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  let done = 0;
  return (bytes) => {
    done += bytes;
    onProgress?.(size === 0 ? 1 : done / size);
  };
}

/**
 * A file of the original, piece by piece, some megabytes each. The last step compares the digest of all
 * pieces with the original's, so only who sees the end of it has seen the original.
 *
 * @throws HermError `BAD_ARGUMENT` for a file that it does not have; `HERM_TRUNCATED` for a prefix of a file,
 * `DIGEST_MISMATCH`, or as reading the file does.
 */
export async function* recoverBytes(content: HermContent, options: RecoverOptions = {}): AsyncGenerator<Uint8Array> {
  const parts = partsOf(content);
  requireArguments({ options });
  const wanted = options.file ?? (parts.length === 1 ? parts[0]!.name : undefined);
  const part = parts.find(({ name }) => name === wanted);
  if (part !== undefined) {
    yield* recoverPart(part, content.file, options, counter([part], options));
    return;
  }
  const names = parts.map(({ name }) => quoteName(name)).join(', ');
  const fault = wanted === undefined ? 'Say which file to recover' : `There is no file ${quoteName(wanted)}`;
  throw new HermError('BAD_ARGUMENT', `${fault}; ${content.file} holds ${names}.`, { file: wanted });
}

/** All files of the original, one after the other, each as {@link recoverBytes} gives it. */
export async function* recoverAll(
  content: HermContent,
  options: CallOptions = {},
  edit?: EditPiece,
): AsyncGenerator<RecoveredPiece> {
  const parts = partsOf(content, false, edit);
  const count = counter(parts, options);
  for (const part of parts) {
    for await (const bytes of recoverPart(part, content.file, options, count)) yield { file: part.name, bytes };
  }
}

/** Recovers all files, and lets go of them: for whoever wants to know that they come back. @throws HermError */
export async function checkOriginal(content: HermContent, options: CallOptions = {}): Promise<void> {
  const parts = partsOf(content, true);
  const count = counter(parts, options);
  for (const part of parts) for await (const _ of recoverPart(part, content.file, options, count));
}

/**
 * Writes the original: a file, or a new directory where it is several. `path` is untouched unless all of it came back
 * and every digest is the original's.
 *
 * @throws HermError as {@link recoverBytes}; `IO` when it cannot be written, `OUTPUT_EXISTS` for a directory that is there.
 */
export async function recoverTo(
  content: HermContent,
  path: string,
  options: CallOptions = {},
  edit?: EditPiece,
): Promise<void> {
  const parts = partsOf(content, true, edit);
  const count = counter(parts, options);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const piecesOf = (part: Part) => recoverPart(part, content.file, options, count);
  if (parts.length === 1) {
    await atomicWrite(
      path,
      async (file) => {
        for await (const bytes of piecesOf(parts[0]!)) await file.write(bytes);
      },
      signal,
    );
    return;
  }
  await atomicDirectory(
    path,
    async (write) => {
      for (const part of parts) await write(part.name, piecesOf(part));
    },
    signal,
  );
}
