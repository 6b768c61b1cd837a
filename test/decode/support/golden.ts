import { createHash } from 'node:crypto';
import { openHerm as openTypescript } from '../../../lib/decode/index.ts';
import { openHerm as openNative } from '../../../lib/file/read.ts';

export const GOLDEN = new URL('../../golden/v1/', import.meta.url);
export const DIGESTS = new URL('digests.json', GOLDEN);

export const goldenName = (test: string) => `${test.replaceAll(' ', '-')}.herm`;

/** SHA-256 of everything that a file decodes to. */
export interface GoldenDigests {
  /** Of the original's files, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Of the skeletons' tensors, by widths; `refitted` where there are refits. */
  readonly skeletons: Readonly<Record<string, string>>;
}

type Reader = 'native' | 'typescript';

interface OpenFile {
  readonly widths: readonly Readonly<Record<string, number>>[];
  readonly files: readonly string[];
  skeleton(widths: Readonly<Record<string, number>>, refit: boolean): Promise<readonly SkeletonTensor[]>;
  recover(file: string): AsyncIterable<Uint8Array>;
}

interface SkeletonTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export async function digests(herm: Uint8Array, reader: Reader): Promise<GoldenDigests> {
  const file = await open(herm, reader);
  const files: Record<string, string> = {};
  for (const name of file.files) files[name] = await digestOf(file.recover(name));
  const skeletons: Record<string, string> = {};
  for (const widths of file.widths) {
    const key = Object.values(widths).join(' ');
    skeletons[key] = tensorsDigest(await file.skeleton(widths, false));
    const refitted = tensorsDigest(await file.skeleton(widths, true));
    if (refitted !== skeletons[key]) skeletons[`${key} refitted`] = refitted;
  }
  return { files, skeletons };
}

async function open(herm: Uint8Array, reader: Reader): Promise<OpenFile> {
  const typescript = await openTypescript(herm);
  const { blocks, ladder, refits } = typescript.header;
  const widths = [...ladder, ...refits.map((refit) => refit.widths)].map((level) =>
    Object.fromEntries(blocks.map(({ name }, block) => [name, level[block]!])),
  );
  const files = typescript.files.map(({ name }) => name);
  if (reader === 'typescript') {
    return {
      widths,
      files,
      skeleton: (at, refit) => typescript.skeleton(at, { refit }),
      recover: (file) => typescript.recover({ file }),
    };
  }
  const native = await openNative(herm);
  return {
    widths,
    files,
    skeleton: async (at, refit) => (await native.skeleton(at, { refit })).tensors,
    recover: (file) => native.recover({ file }),
  };
}

async function digestOf(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function tensorsDigest(tensors: readonly SkeletonTensor[]): string {
  const hash = createHash('sha256');
  for (const { name, dtype, shape, data } of tensors) {
    hash.update(JSON.stringify([name, dtype, shape]));
    hash.update(data);
  }
  return hash.digest('hex');
}
