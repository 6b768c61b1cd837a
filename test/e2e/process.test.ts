import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LENET, temporaryFolder } from './herm.ts';

const inFolder = temporaryFolder();
const TIMEOUT = { timeout: 120_000 };

interface Ended {
  /** What it printed, as JSON; undefined where it printed nothing. */
  readonly result: unknown;
  readonly stderr: string;
  readonly code: number | null;
  /** The signal that ended the process: a crash, or a process that did not end by itself. */
  readonly signal: string | null;
}

/** Runs a script of test/e2e/process, which uses the built package by its name. */
function run(script: string, ...args: string[]): Promise<Ended> {
  const file = join(fileURLToPath(new URL('process', import.meta.url)), script);
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [file, ...args], { timeout: 100_000 }, (_, stdout, stderr) => {
      const result: unknown = stdout === '' ? undefined : JSON.parse(stdout);
      resolve({ result, stderr, code: child.exitCode, signal: child.signalCode });
    });
  });
}

/** No crash, no complaint, and nothing that kept the process alive. */
const ended = { code: 0, signal: null, stderr: '' };
const lenet = { widths: { fc1: 150, fc2: 50 }, same: true };

describe('a process', () => {
  it.each(['esm.mjs', 'commonjs.cjs'])('%s uses the package and ends by itself', TIMEOUT, async (script) => {
    expect(await run(script, LENET, inFolder(`${script}.herm`))).toEqual({ ...ended, result: lenet });
  });

  it('gets no threads of OpenBLAS and keeps its environment', TIMEOUT, async () => {
    expect(await run('blas_threads.mjs')).toEqual({ ...ended, result: { started: 0, wanted: null } });
  });

  it('that exits in the middle of a merge does so, with its own code', TIMEOUT, async () => {
    expect(await run('exit.mjs')).toEqual({ ...ended, code: 7, result: undefined });
  });

  it('that dies of an unhandled abort leaves no file behind', TIMEOUT, async () => {
    const folder = inFolder('');
    const before = readdirSync(folder).length;
    const { code, signal, result, stderr } = await run('unhandled_abort.mjs', LENET, inFolder('aborted.herm'));
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(stderr).toContain("code: 'ABORTED'");
    // The unfinished file was there when the abort came.
    expect(result).toContainEqual(expect.stringMatching(/^\.aborted\.herm\..*tmp$/));
    expect(readdirSync(folder)).toHaveLength(before);
  });
});

describe('worker threads', () => {
  const workers = (how: string) => run('workers.mjs', how, LENET, inFolder(how));

  it('use the package at once', TIMEOUT, async () => {
    const each = { ...lenet, code: 0 };
    expect(await workers('atOnce')).toEqual({ ...ended, result: [each, each, each] });
  });

  it('that are terminated while a kernel runs take nothing with them', TIMEOUT, async () => {
    expect(await workers('terminated')).toEqual({ ...ended, result: { code: 1, done: false, after: lenet } });
  });

  it('that exit while a kernel runs take nothing with them', TIMEOUT, async () => {
    expect(await workers('exited')).toEqual({ ...ended, result: { code: 5, after: lenet } });
  });

  it('load and unload the addon twenty times', TIMEOUT, async () => {
    expect(await workers('reloaded')).toEqual({
      ...ended,
      result: Array.from({ length: 20 }, () => ({ merges: 49, code: 0 })),
    });
  });
});
