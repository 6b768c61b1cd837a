import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What decides whether a binary runs here. */
export interface System {
  readonly platform: string;
  readonly arch: string;
  /** The C library and its version, on Linux. */
  readonly libc?: string;
  readonly node: string;
}

/** This system; takes milliseconds, so only doctors and errors ask. */
export function thisSystem(): System {
  const { platform, arch } = process;
  const node = process.versions.node;
  if (platform !== 'linux') return { platform, arch, node };
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const glibc = header.glibcVersionRuntime;
  return { platform, arch, node, libc: glibc === undefined ? 'musl' : `glibc ${glibc}` };
}

/** As people read it: `linux-x64 (glibc 2.36), Node 20.20.2`. */
export function systemName({ platform, arch, libc, node }: System): string {
  return `${platform}-${arch}${libc === undefined ? '' : ` (${libc})`}, Node ${node}`;
}

/** The prebuilt binaries in the package at `root`: `linux-x64 (glibc)`. */
export function prebuiltSystems(root: string): string[] {
  const folder = join(root, 'prebuilds');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    const parts = /^([\w+-]+)[\\/][^\\/]*?(?:\.(glibc|musl))?\.node$/.exec(path);
    return parts === null ? [] : [`${parts[1]}${parts[2] === undefined ? '' : ` (${parts[2]})`}`];
  });
}
