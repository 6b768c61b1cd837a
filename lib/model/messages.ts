import { HermError } from '../errors.ts';

const SHOWN_NAME_LENGTH = 120;

/** A name as it may stand in a message, from a file or of whatever a caller passes: quoted, control characters escaped, cut when it is very long. */
export function quoteName(given: string): string {
  const name = String(given);
  return JSON.stringify(name.length > SHOWN_NAME_LENGTH ? `${name.slice(0, SHOWN_NAME_LENGTH)}…` : name);
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory; check the path',
  EACCES: 'permission denied; check who may use it',
  EPERM: 'operation not permitted',
  EISDIR: 'it is a directory; name a file',
  ENOTDIR: 'a part of the path is not a directory',
  ENOSPC: 'no space left on the device; free some or write elsewhere',
  EROFS: 'the file system is read-only; write elsewhere',
  EMFILE: 'too many open files',
};

/** The HermError `IO` for what a file operation threw; an error that is a HermError already stays as it is. */
export function ioError(doing: string, path: string, cause: unknown): HermError {
  if (cause instanceof HermError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = ADVICE[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new HermError(
    'IO',
    `Cannot ${doing} ${path === '' ? 'a file without a name' : path}: ${reason}.`,
    { file: path },
    { cause },
  );
}
