import type { HermHeader } from './schema.ts';

/** The file that a .herm file was made from. */
export interface OriginalFile {
  /** Its name without the folder. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** The model that a .herm file was made from. */
export interface Original {
  /** Its name without the folder. */
  readonly name: string;
  /** Bytes of all its files. */
  readonly size: number;
  /** Hexadecimal; null where it is several files. */
  readonly sha256: string | null;
  /** Whether it is a directory of several files. */
  readonly directory: boolean;
  /** Its files of tensors. */
  readonly files: readonly OriginalFile[];
  /** Files beside them. */
  readonly extras: readonly OriginalFile[];
}

/** What a header tells of it. */
export function originalOf({ name, files, extras }: HermHeader): Original {
  const pick = (file: OriginalFile) => ({ name: file.name, size: file.size, sha256: file.sha256 });
  const all = [...files, ...extras];
  const directory = all.length > 1;
  return {
    name,
    size: all.reduce((sum, { size }) => sum + size, 0),
    sha256: directory ? null : files[0]!.sha256,
    directory,
    files: files.map(pick),
    extras: extras.map(pick),
  };
}
