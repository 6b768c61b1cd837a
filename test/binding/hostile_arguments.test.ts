import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { HERM_ERROR_CODES } from '../../lib/errors.ts';
import { addonFile } from '../../lib/native/load.ts';

const run = promisify(execFile);
const script = (name: string) => fileURLToPath(new URL(`support/${name}`, import.meta.url));

// In processes of their own: a crash of the addon must fail the test, not end it.
describe('the addon', () => {
  it.each([1, 2])('fails with a code or settles, whatever it is given, seed %i', { timeout: 120_000 }, async (seed) => {
    const args = [script('fuzz_addon.mjs'), addonFile(), String(seed), '5000', JSON.stringify(HERM_ERROR_CODES)];
    const { stdout } = await run(process.execPath, args);
    // Damage to values alone leaves calls valid.
    expect(JSON.parse(stdout).settled).toBeGreaterThan(1000);
  });

  it('keeps what a call works on while nobody else does', { timeout: 120_000 }, async () => {
    const { stdout } = await run(process.execPath, ['--expose-gc', script('gc_addon.mjs'), addonFile()]);
    expect(JSON.parse(stdout)).toEqual({ distinct: 1, finite: true });
  });
});
