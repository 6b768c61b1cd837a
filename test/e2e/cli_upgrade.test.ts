import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../format/support/range_server.ts';
import { herm, LENET, start, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
let whole: Buffer;

beforeAll(async () => {
  expect((await herm('compress', LENET, '-o', at('net.herm'), '--refit', '50%')).code).toBe(0);
  whole = readFileSync(at('net.herm'));
});

async function json(...args: readonly string[]) {
  const { code, stdout, stderr } = await herm(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('herm truncate and herm upgrade', () => {
  it('make a small file and complete it again', async () => {
    const small = at('small.herm');
    const cut = await json('truncate', at('net.herm'), '--width', '25%', '-o', small);
    expect(cut).toMatchObject({ bytesBefore: whole.byteLength, bytes: statSync(small).size });
    expect(cut.blocks).toMatchObject([
      { name: 'fc1', width: 75, neurons: 300 },
      { name: 'fc2', width: 25, neurons: 100 },
    ]);
    expect(readFileSync(small).equals(whole.subarray(0, cut.bytes))).toBe(true);

    const server = await serve({ bytes: whole });
    const half = await json('upgrade', small, '--from', server.url, '--width', '50%');
    expect(half).toMatchObject({ bytesBefore: cut.bytes, bytes: statSync(small).size, complete: false });
    expect(half.fetched).toBe(server.bytesSent());
    expect(half.fetched).toBe(2 ** 16 + half.bytes - half.bytesBefore);
    expect(await json('expand', small, '--width', '50%', '-o', at('x.safetensors'))).toMatchObject({ refitted: true });

    const { stdout } = await herm('upgrade', small, '--from', at('net.herm'));
    expect(stdout).toMatch(/has grown from .* to .*\nIt is complete\./);
    expect(readFileSync(small).equals(whole)).toBe(true);
    expect((await herm('upgrade', small, '--from', at('net.herm'))).stdout).toContain('holds all of that already');
  });

  it('replace damaged parts', async () => {
    const bytes = Uint8Array.from(whole);
    bytes[bytes.byteLength >> 1]! ^= 1;
    writeFileSync(at('damaged.herm'), bytes);
    const { stdout } = await herm('upgrade', at('damaged.herm'), '--from', at('net.herm'));
    expect(stdout).toContain('damaged.herm is as large as before, ');
    expect(stdout).toContain('1 damaged part was replaced.');
    expect(readFileSync(at('damaged.herm')).equals(whole)).toBe(true);
  });

  it('refuse what cannot be done', async () => {
    const codeOf = async (...args: string[]) => {
      const { code, stdout } = await herm(...args, '--json');
      return [code, JSON.parse(stdout).error.code];
    };
    const [net, out] = [at('net.herm'), at('refused.herm')];
    expect(await codeOf('truncate', net, '--width', '25%', '-o', net)).toEqual([1, 'OUTPUT_EXISTS']);
    expect(await codeOf('truncate', net, '--width', '301', '-o', out)).toEqual([1, 'WIDTH']);
    expect(await codeOf('truncate', net, '-o', out)).toEqual([2, 'USAGE']);
    expect(await codeOf('upgrade', net)).toEqual([2, 'USAGE']);
    expect(await codeOf('upgrade', 'http://127.0.0.1:9/x.herm', '--from', net)).toEqual([1, 'BAD_ARGUMENT']);
    const other = LENET.replace('relu', 'tanh');
    expect((await herm('compress', other, '-o', at('tanh.herm'))).code).toBe(0);
    expect(await codeOf('upgrade', net, '--from', at('tanh.herm'))).toEqual([1, 'HERM_DIFFERENT']);
  });

  it('leave the file as it was when they are interrupted', async () => {
    const name = 'interrupted.herm';
    await json('truncate', at('net.herm'), '--width', '10%', '-o', at(name));
    copyFileSync(at(name), at('before.herm'));
    let stop = (): void => {};
    // The server says nothing after the header, so the file is still being fetched when the signal comes.
    const server = await serve({ bytes: whole }, (_request, _response, count) => {
      if (count > 1) stop();
      return count > 1;
    });
    const { child, finished } = start('upgrade', at(name), '--from', server.url);
    stop = () => void child.kill('SIGINT');
    expect(await finished).toMatchObject({ code: 130, stderr: 'Interrupted: no output was written.\n' });
    expect(readFileSync(at(name)).equals(readFileSync(at('before.herm')))).toBe(true);
    expect(readdirSync(at('.')).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });
});

describe('a damaged file', () => {
  it('is shown part by part, and gives the widths before the damage', async () => {
    const { levels } = await json('info', at('net.herm'));
    const bytes = Uint8Array.from(whole);
    for (const { bytes: end } of levels.slice(-2)) bytes[end - 1]! ^= 1;
    writeFileSync(at('damaged.herm'), bytes);
    const { code, stdout } = await herm('verify', at('damaged.herm'), '--json');
    expect(code).toBe(1);
    const last = levels.length - 1;
    const damage = [last - 1, last].map((level) => ({ kind: 'level', level, blocks: ['fc1', 'fc2'] }));
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, complete: true, damage });
    const shown = await herm('verify', at('damaged.herm'));
    expect(shown.code).toBe(1);
    expect(shown.stdout).toMatch(new RegExp(`level ${last} .*${levels[last - 1].bytes} +${levels[last].bytes}$`, 'm'));

    const output = at('rest.safetensors');
    expect((await herm('expand', at('damaged.herm'), '--width', '100%', '-o', output)).code).toBe(1);
    const rest = await json('expand', at('damaged.herm'), '--salvage', '--width', '100%', '-o', output);
    expect(rest).toMatchObject({ damage, blocks: [{ width: 212 }, { width: 71 }] });
    const told = await herm('expand', at('damaged.herm'), '--salvage', '--width', 'fc2=10', '-o', output, '--force');
    expect(told.stdout).toContain('Narrower than asked for: fc1 (212 instead of 300).');
  });
});
