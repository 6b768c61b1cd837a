import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../format/support/range_server.ts';
import { herm, LENET, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
let bytes: Uint8Array;

beforeAll(async () => {
  expect((await herm('compress', LENET, '-o', at('net.herm'))).code).toBe(0);
  bytes = readFileSync(at('net.herm'));
});

const done = (...args: readonly string[]) =>
  herm(...args).then(({ code, stdout, stderr }) => {
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  });

describe('an address in place of a file', () => {
  it('is looked at by its header, and its query is not shown', async () => {
    const server = await serve({ bytes });
    const shown = await done('info', `${server.url}?token=secret`);
    expect(shown).toContain(server.url);
    expect(shown).not.toContain('secret');
    expect(server.bytesSent()).toBe(2 ** 16);
  });

  it('is expanded from the bytes of its width', async () => {
    const server = await serve({ bytes });
    await done('expand', server.url, '--width', '25%', '-o', at('remote.safetensors'));
    await done('expand', at('net.herm'), '--width', '25%', '-o', at('local.safetensors'));
    expect(readFileSync(at('remote.safetensors')).equals(readFileSync(at('local.safetensors')))).toBe(true);
    const { levels } = JSON.parse(await done('info', at('net.herm'), '--json'));
    const level = levels.find(({ widths }: { widths: { fc1: number } }) => widths.fc1 === 75);
    expect(server.bytesSent()).toBeLessThanOrEqual(level.bytes);
  });

  it('is recovered and verified', async () => {
    const server = await serve({ bytes });
    await done('recover', server.url, '-o', at('back.safetensors'));
    expect(readFileSync(at('back.safetensors')).equals(readFileSync(LENET))).toBe(true);
    expect(server.bytesSent()).toBe(bytes.byteLength);
    expect(await done('verify', server.url)).toContain('is whole');
  });

  it('that cannot be read is an error with its code', async () => {
    const { code, stdout } = await herm('info', 'http://127.0.0.1:9/x.herm?key=secret', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'IO' });
    expect(stdout).not.toContain('secret');
  }, 60_000);
});
