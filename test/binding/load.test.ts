import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildInfo, HermError } from '../../lib/index.ts';
import { loadFrom } from '../../lib/native/load.ts';

describe('buildInfo', () => {
  it('reports an OpenBLAS that is safe under concurrent calls', () => {
    const info = buildInfo();
    expect(info.blasConfig).toMatch(/^OpenBLAS \d/);
    expect(['pthread', 'openmp']).toContain(info.blasParallel);
    expect(info.napiVersion).toBe(8);
  });
});

describe('an addon that does not load', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'hermkit-load-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function failure(): HermError {
    try {
      loadFrom(root);
    } catch (error) {
      if (error instanceof HermError) return error;
      throw error;
    }
    throw new Error('expected loading to fail');
  }

  it('says that there is no binary for this system and how to build one', () => {
    const error = failure();
    expect(error.code).toBe('ADDON_LOAD');
    expect(error.message).toContain(`no native addon for ${process.platform}-${process.arch}`);
    expect(error.message).toContain(`node-gyp@12 rebuild --directory ${root}`);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('points to the setup script in a source tree', () => {
    mkdirSync(join(root, 'scripts'));
    writeFileSync(join(root, 'scripts', 'setup.mjs'), '');
    expect(failure().message).toContain('npm run setup');
  });

  it('names the file and the reason when the binary is not one for this system', () => {
    const file = join(root, 'build', 'Release', 'hermkit.node');
    mkdirSync(join(root, 'build', 'Release'), { recursive: true });
    writeFileSync(file, 'this is no shared object '.repeat(10));
    const error = failure();
    expect(error.code).toBe('ADDON_LOAD');
    expect(error.message).toContain(file);
    expect(error.message).toContain('built for another system');
    expect(error.details).toMatchObject({ file });
  });
});
