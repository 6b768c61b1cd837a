import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { HermError } from '../errors.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import { ioError } from '../model/messages.ts';
import { type CodecOptions, xxh64 } from './codec.ts';
import { lockPath } from './process_lock.ts';
import { groupFile, type SavedGroup, type Spool, SpoolFile } from './spool.ts';

/** Of the directory and of the coded bytes in it. */
const FORMAT = 1;
const MANIFEST = 'manifest.json';

/** What a kept spool was made of; any part that differs makes what is in it useless. */
export interface SpoolOrigin {
  /** Names, sizes and digests of the files of the model. */
  readonly input: unknown;
  /** What decides about the groups and their bytes. */
  readonly options: unknown;
}

interface Manifest {
  readonly format: number;
  readonly tool: string;
  readonly origin: SpoolOrigin;
  /** By number of the group. */
  readonly groups: Record<string, SavedGroup>;
}

/** What an interrupted run has left. */
export interface Leftover {
  /** Numbers of the groups that are finished, their bytes checked. */
  readonly groups: readonly number[];
  /** Why something, or all of it, cannot be used; undefined: all of it can, or there was nothing. */
  readonly unusable: string | undefined;
}

export interface KeptSpool extends Spool {
  readonly folder: string;
  readonly leftover: Leftover;
  /** How many groups are finished by now. */
  readonly finished: number;
}

/**
 * A spool that stays when its work is interrupted, for a later run to go on from.
 *
 * @throws HermError `OUTPUT_EXISTS` for a directory that is something else, or that another run is at work in; `ABORTED`, `IO`.
 */
export async function keptSpool(folder: string, origin: SpoolOrigin, options: CodecOptions): Promise<KeptSpool> {
  const unlock = await lockPath(folder);
  try {
    return await openSpool(folder, origin, unlock, options);
  } catch (cause) {
    await unlock();
    throw cause;
  }
}

async function openSpool(
  folder: string,
  origin: SpoolOrigin,
  unlock: () => Promise<void>,
  options: CodecOptions,
): Promise<KeptSpool> {
  const io = async <T>(doing: string, work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      throw ioError(doing, folder, cause);
    });
  const found = await readManifest(folder, options);
  const unusable = typeof found === 'string' ? found : found && whyUnusable(found, origin);
  const manifest: Manifest = { format: FORMAT, tool: packageJson.version, origin, groups: {} };
  const damaged: string[] = [];
  if (typeof found === 'object' && unusable === undefined) {
    for (const [group, saved] of Object.entries(found.groups)) {
      if (await isIntact(new SpoolFile(folder, groupFile(Number(group))), saved, options))
        manifest.groups[group] = saved;
      else damaged.push(group);
    }
  } else if (found !== undefined) {
    await io('write', rm(folder, { recursive: true }));
  }
  await io('write', mkdir(folder, { recursive: true }));
  // At once: it tells that the directory may be replaced.
  await writeManifest(folder, manifest, options);
  const groups = Object.keys(manifest.groups).map(Number);
  const broken = damaged.length === 0 ? undefined : `${damaged.length} of its groups are damaged`;
  return {
    folder,
    get finished() {
      return Object.keys(manifest.groups).length;
    },
    leftover: { groups, unusable: unusable ?? broken },
    file: (name) => new SpoolFile(folder, name),
    saved: async (group) => manifest.groups[group],
    async save(group, saved) {
      manifest.groups[group] = saved;
      await writeManifest(folder, manifest, options);
    },
    async close(done) {
      try {
        if (done || Object.keys(manifest.groups).length === 0) await rm(folder, { recursive: true, force: true });
      } finally {
        await unlock();
      }
    },
  };
}

/** A checksum and the manifest, a line each. */
async function writeManifest(folder: string, manifest: Manifest, options: CodecOptions): Promise<void> {
  const json = JSON.stringify(manifest);
  const bytes = new TextEncoder().encode(`${await xxh64(new TextEncoder().encode(json), options)}\n${json}\n`);
  await atomicWrite(join(folder, MANIFEST), (file) => file.write(bytes));
}

/** The manifest, why there is none that can be read, or undefined where there is nothing at all. */
async function readManifest(folder: string, options: CodecOptions): Promise<Manifest | string | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, MANIFEST), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError('read', folder, cause);
    await refuseOther(folder);
    return undefined;
  }
  const [checksum, json = ''] = text.split('\n');
  if ((await xxh64(new TextEncoder().encode(json), options)) !== checksum) return 'its manifest is damaged';
  return JSON.parse(json) as Manifest;
}

/** Only what an interrupted run has left may be replaced. */
async function refuseOther(folder: string): Promise<void> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw ioError('read', folder, cause);
  });
  if (names.length === 0) return;
  const why = `${folder} is there already, and is not what an interrupted compression leaves. Move it away, or name another output.`;
  throw new HermError('OUTPUT_EXISTS', why, { file: folder });
}

function whyUnusable({ format, tool, origin }: Manifest, now: SpoolOrigin): string | undefined {
  if (format !== FORMAT || tool !== packageJson.version) return `it was made by hermkit ${tool}`;
  const differs = (part: keyof SpoolOrigin) => JSON.stringify(origin[part]) !== JSON.stringify(now[part]);
  if (differs('input')) return 'it was made from another input';
  if (differs('options')) return 'it was made with other options';
  return undefined;
}

async function isIntact(file: SpoolFile, { written }: SavedGroup, options: CodecOptions): Promise<boolean> {
  for (const chunk of [...written.levels, ...written.refits]) {
    try {
      const [bytes] = await file.read([chunk]);
      if ((await xxh64(bytes!, options)) !== chunk.xxh64) return false;
    } catch (cause) {
      if (cause instanceof HermError && cause.code === 'IO') return false;
      throw cause;
    }
  }
  return true;
}
