import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromFloat64, serializeSafetensors } from '../../lib/index.ts';
import { herm, start, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
const BALLAST_BYTES = 2 ** 26;

/** A small block, and enough other bytes that writing and comparing takes its time. */
beforeAll(async () => {
  const noise = (count: number) => Array.from({ length: count }, (_, i) => Math.sin(i * i));
  const tensors = [
    fromFloat64(noise(40), 'F32', 'fc1.weight', [8, 5]),
    fromFloat64(noise(16), 'F32', 'fc2.weight', [2, 8]),
    { name: 'ballast', dtype: 'U8', shape: [BALLAST_BYTES], data: randomBytes(BALLAST_BYTES) },
  ];
  writeFileSync(at('model.safetensors'), serializeSafetensors(tensors, new Map([['activation', 'relu']])));
  expect((await herm('compress', at('model.safetensors'), '-o', at('model.herm'))).code).toBe(0);
});

/** Starts herm, sends the signals as soon as its temporary file is there, and looks at what is left. */
async function interrupt(folder: string, args: readonly string[], ...signals: readonly NodeJS.Signals[]) {
  const { child, finished } = start(...args);
  let ended = false;
  finished.finally(() => {
    ended = true;
  });
  const files = () => readdirSync(folder);
  while (!ended && !files().some((name) => name.endsWith('.tmp'))) await setTimeout(1);
  expect(ended, 'ended before it could be interrupted').toBe(false);
  for (const signal of signals) child.kill(signal);
  return { ...(await finished), left: files() };
}

function emptyFolder(name: string): string {
  mkdirSync(at(name));
  return at(name);
}

describe('an interrupted command', () => {
  it('leaves nothing of a compress behind and exits with 130', async () => {
    const folder = emptyFolder('compress');
    const args = ['compress', at('model.safetensors'), '-o', `${folder}/new.herm`];
    expect(await interrupt(folder, args, 'SIGINT')).toEqual({
      code: 130,
      stdout: '',
      stderr: 'Interrupted: no output was written.\n',
      left: [],
    });
  });

  it('leaves an old output as it was, and says so in JSON', async () => {
    const folder = emptyFolder('recover');
    writeFileSync(`${folder}/old`, 'old');
    const args = ['recover', at('model.herm'), '-o', `${folder}/old`, '--force', '--json'];
    const { code, stdout, left } = await interrupt(folder, args, 'SIGTERM');
    expect({ code, left }).toEqual({ code: 143, left: ['old'] });
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'ABORTED', message: 'Interrupted.', details: {} } });
  });

  it('leaves nothing behind when interrupted twice', async () => {
    const folder = emptyFolder('twice');
    const args = ['compress', at('model.safetensors'), '-o', `${folder}/new.herm`];
    expect(await interrupt(folder, args, 'SIGINT', 'SIGINT')).toMatchObject({ code: 130, left: [] });
  });
});
