import fs, { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildInfo, HermError } from '../../lib/index.ts';
import { addonFile, loadFrom } from '../../lib/native/load.ts';
import { doesNotLoad, noBinary, nodeTooOld } from '../../lib/native/load_advice.ts';
import { prebuiltSystems, type System } from '../../lib/native/system.ts';

describe('buildInfo', () => {
  it('reports an OpenBLAS that is safe under concurrent calls', () => {
    const info = buildInfo();
    expect(info.blasConfig).toMatch(/^OpenBLAS \d/);
    expect(['pthread', 'openmp']).toContain(info.blasParallel);
    expect(info.napiVersion).toBe(8);
  });
});

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hermkit-load-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function place(path: string, bytes: string | Uint8Array): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}

describe('an addon that does not load', () => {
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

  /** The real addon with the match of `from` in its dynamic table replaced by a string of the same length. */
  function patched(from: RegExp, to: string): Uint8Array {
    const bytes = readFileSync(addonFile());
    const at = bytes.toString('latin1').search(from);
    expect(at).toBeGreaterThan(0);
    bytes.write(to, at, 'latin1');
    return bytes;
  }

  it('names the file and the reason when the binary is not one for this system', () => {
    const file = place('build/Release/hermkit.node', 'this is no shared object '.repeat(10));
    const error = failure();
    expect(error.code).toBe('ADDON_LOAD');
    expect(error.message).toContain(file);
    expect(error.message).toContain('built for another system');
    expect(error.details).toMatchObject({ file });
  });

  it('says so when the binary is one for another processor', () => {
    const bytes = readFileSync(addonFile());
    bytes.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18); // e_machine
    const file = place('build/Release/hermkit.node', bytes);
    expect(failure().message).toContain(`${file} was built for another system than linux-${process.arch}`);
  });

  it('names a library that is missing', () => {
    place('build/Release/hermkit.node', patched(/liblapacke\.so\.3/, 'liblapacke.so.9'));
    const { message } = failure();
    expect(message).toContain('needs liblapacke.so.9, which is not installed');
    expect(message).toContain('libopenblas0-pthread, liblapacke');
  });

  it('says so when the binary is from a newer system', () => {
    place('build/Release/hermkit.node', patched(/GLIBC_2\./, 'GLIBC_9.'));
    expect(failure().message).toMatch(/built on a newer system than this one .*GLIBC_9\.\d+' not found/);
  });

  it('lists the systems that there are binaries for', () => {
    place('prebuilds/linux-s390x/hermkit.glibc.node', '');
    place('prebuilds/darwin-x64+arm64/hermkit.node', '');
    expect(prebuiltSystems(root).sort()).toEqual(['darwin-x64+arm64', 'linux-s390x (glibc)']);
    const { message } = failure();
    expect(message).toContain('linux-s390x (glibc)');
    expect(message).toContain('darwin-x64+arm64');
  });
});

describe('the binary of a system', () => {
  /** What node-gyp-build takes, loaded anew where Alpine's file is or is not. */
  function chosen(alpine: boolean): string {
    const require = createRequire(import.meta.url);
    const real = fs.existsSync;
    const spy = vi.spyOn(fs, 'existsSync');
    spy.mockImplementation((path) => (path === '/etc/alpine-release' ? alpine : real(path)));
    try {
      delete require.cache[require.resolve('node-gyp-build/node-gyp-build.js')];
      return basename(require('node-gyp-build/node-gyp-build.js').resolve(root));
    } finally {
      spy.mockRestore();
    }
  }

  it('is the one for musl on Alpine, and the one for glibc elsewhere', () => {
    for (const libc of ['glibc', 'musl'])
      place(`prebuilds/${process.platform}-${process.arch}/hermkit.${libc}.node`, '');
    expect(chosen(true)).toBe('hermkit.musl.node');
    expect(chosen(false)).toBe('hermkit.glibc.node');
  });
});

describe('advice', () => {
  const linux: System = { platform: 'linux', arch: 'riscv64', libc: 'glibc 2.36', node: '24.1.0' };

  it('is what to install and what to run', () => {
    const text = noBinary('/package', linux);
    expect(text).toContain('no native addon for linux-riscv64 (glibc 2.36), Node 24.1.0; this package brings none');
    expect(text).toContain('apt-get install g++ make');
    expect(text).toContain('npx node-gyp@12 rebuild --directory /package');
  });

  it('is that of the system', () => {
    expect(noBinary('/package', { ...linux, libc: 'musl' })).toContain('apk add');
    expect(noBinary('/package', { platform: 'darwin', arch: 'arm64', node: '24.1.0' })).toContain('brew install');
  });

  it('sends Windows to the binary for it', () => {
    const windows: System = { platform: 'win32', arch: 'x64', node: '24.1.0' };
    const without = noBinary(root, windows);
    expect(without).toContain('Releases bring a binary for win32-x64');
    expect(without).toContain('npm run build:prebuild -- win32-x64');
    expect(without).toContain('hermkit/decode');
    expect(without).not.toContain('node-gyp');
    const file = place('prebuilds/win32-x64/hermkit.node', '');
    expect(noBinary(root, { ...windows, arch: 'arm64' })).toContain('Node for x64 runs the binary for win32-x64');
    expect(doesNotLoad(root, file, new Error('not a valid Win32 application'), windows)).toContain('Reinstall hermkit');
  });

  it('tells musl from glibc', () => {
    const musl = { ...linux, libc: 'musl' };
    const cause = new Error('Error loading shared library ld-linux-x86-64.so.2: No such file or directory');
    const text = doesNotLoad('/package', '/package/prebuilds/linux-x64/hermkit.glibc.node', cause, musl);
    expect(text).toContain('built for glibc, and this system has musl');
    expect(text).toContain('apk add');
    const own = doesNotLoad('/package', '/package/prebuilds/linux-x64/hermkit.musl.node', cause, musl);
    expect(own).toContain(cause.message);
  });

  it('knows of the binary for musl beside the one for glibc', () => {
    const glibc = place('prebuilds/linux-x64/hermkit.glibc.node', '');
    place('prebuilds/linux-x64/hermkit.musl.node', '');
    const text = doesNotLoad(root, glibc, new Error('Error relocating'), { ...linux, libc: 'musl' });
    expect(text).toContain('set LIBC=musl');
    expect(text).not.toContain('apk add');
  });

  it('names a Node that is too old, and no other', () => {
    expect(nodeTooOld({ node: '18.20.4' })).toContain('needs Node 20 or newer; this is Node 18.20.4');
    expect(nodeTooOld({ node: '20.0.0' })).toBeUndefined();
    expect(nodeTooOld(process.versions)).toBeUndefined();
  });
});
