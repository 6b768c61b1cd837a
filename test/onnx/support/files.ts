import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { compress, type HermFile, openHerm } from '../../../lib/index.ts';
import type { GraphBlocks } from '../../../lib/model/graph_blocks.ts';
import { withModel } from '../../../lib/model/open_model.ts';
import type { GraphBuilder } from './builder.ts';

/** A folder of each test's own. */
export function folderPerTest(): (name: string) => string {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hermkit-onnx-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

/** Writes a model and its files of external data; @returns the path of the model. */
export function writeModel(folder: string, builder: GraphBuilder, ...args: Parameters<GraphBuilder['build']>): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'model.onnx');
  writeFileSync(path, builder.build(...args));
  for (const [name, parts] of builder.files) writeFileSync(join(folder, name), Buffer.concat(parts));
  return path;
}

export const graphOf = (path: string): Promise<GraphBlocks> => withModel(path, async ({ graph }) => graph!);

/** Compresses a model beside it, and opens what came of it. */
export async function compressed(path: string): Promise<HermFile> {
  const herm = `${path}.${randomBytes(4).toString('hex')}.herm`;
  await compress(path, herm);
  const bytes = new Uint8Array(readFileSync(herm));
  rmSync(herm);
  return openHerm(bytes);
}

export const contents = (folder: string): Record<string, Buffer> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
