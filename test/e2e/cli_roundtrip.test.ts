import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { mergeMemory } from '../../lib/index.ts';
import { type Finished, herm, LENET, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
let compressed: Finished;

beforeAll(async () => {
  compressed = await herm('compress', LENET, '-o', at('net.herm'), '--refit', '50%', '--json');
});

async function json(...args: readonly string[]) {
  const { code, stdout, stderr } = await herm(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('a LeNet through the command line', () => {
  it('becomes one smaller file', () => {
    expect({ code: compressed.code, stderr: compressed.stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(compressed.stdout);
    expect(report).toMatchObject({
      input: LENET,
      inputBytes: statSync(LENET).size,
      output: at('net.herm'),
      bytes: statSync(at('net.herm')).size,
      blocks: [
        { name: 'fc1', neurons: 300 },
        { name: 'fc2', neurons: 100 },
      ],
      leftOut: [],
    });
    expect(report.bytes - report.refitBytes).toBeLessThan(report.inputBytes);
    const [refit] = report.refits;
    expect(refit.widths).toEqual({ fc1: 150, fc2: 50 });
    const half = report.levels.find(({ widths }: { widths: { fc1: number } }) => widths.fc1 === 150);
    expect(refit.errors.fc1).toBeLessThan(half.errors.fc1);
  });

  it('shows its hierarchies, and hands one at a time to other programs', async () => {
    const drawn = await herm('tree', at('net.herm'), '--ascii', '--depth', '1');
    expect(drawn.stdout).toMatch(/^Block fc1: 300 neurons, 299 merges\.\n300 neurons, cost [\d.]+\n\|-- \d+ neurons/);
    expect(drawn.stdout).toMatch(/^Block fc2: 100 neurons/m);
    expect(drawn.stdout).not.toMatch(/[^\n -~]/);
    const { blocks } = await json('tree', at('net.herm'), '--block', 'fc2');
    expect(blocks).toHaveLength(1);
    expect(blocks[0]).toMatchObject({ block: 'fc2', neurons: 100, merges: 99 });
    expect(blocks[0].nodes).toHaveLength(199);
    const newick = await herm('tree', at('net.herm'), '--block', 'fc2', '--format', 'newick');
    expect(newick.stdout.match(/\bm?\d+(?=[:;])/g)).toHaveLength(199);
    const many = await herm('tree', at('net.herm'), '--format', 'dot');
    expect(many).toMatchObject({ code: 1, stderr: expect.stringContaining('--block which of "fc1", "fc2"') });
  });

  it('comes at the widths of a plan, and refuses a plan for another model', async () => {
    const plan = await json('plan', at('net.herm'), '--params', '40%', '-o', at('plan.json'));
    expect(JSON.parse(readFileSync(at('plan.json'), 'utf8'))).toEqual(plan);
    expect(plan.cost.params).toBeLessThanOrEqual(0.4 * plan.whole.params);
    const args = ['expand', at('net.herm'), '--plan', at('plan.json'), '-o', at('planned.safetensors')];
    const { blocks } = await json(...args);
    const widths = blocks.map(({ name, width }: { name: string; width: number }) => [name, width]);
    expect(Object.fromEntries(widths)).toEqual(plan.widths);
    const text = await herm('plan', at('net.herm'), '--max-error', '0.05', '--minimize', 'bytes');
    expect(text.stdout).toMatch(/^predicted error +0\.0[0-4]/m);
    expect(text.stdout).toContain('No recorded widths within this error have fewer bytes.');
    for (const other of [{ ...plan, blocks: plan.blocks.slice(1) }, { widths: plan.widths }, 'no plan']) {
      writeFileSync(at('other.json'), JSON.stringify(other));
      const refused = await herm('expand', at('net.herm'), '--plan', at('other.json'), '-o', at('no.safetensors'));
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('error PLAN: ')]);
    }
    const twice = await herm('plan', at('net.herm'), '--params', '40%', '--bytes', '1MB');
    expect(twice.code).toBe(2);
    expect((await herm('plan', at('net.herm'))).code).toBe(2);
  });

  it('becomes the same file with less memory, and says so', async () => {
    const { blocks, merges } = JSON.parse(compressed.stdout);
    expect(merges).toMatchObject({ fc1: { mode: 'stored' }, fc2: { mode: 'stored' } });
    // Enough for the second block's Gram matrices, not for the first one's.
    const memory = String(Math.floor(mergeMemory(blocks[0]).stored) - 1);
    const args = ['compress', LENET, '-o', at('tight.herm'), '--refit', '50%', '--memory', memory, '--force'];
    const { code, stdout } = await herm(...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^fc1 merged on computed rows: .*[\d.]+ MiB/m);
    expect(stdout).not.toContain('fc2 merged on computed rows');
    expect(compressed.stdout).not.toContain('computed rows');
    expect(readFileSync(at('tight.herm')).equals(readFileSync(at('net.herm')))).toBe(true);
    const report = await json(...args);
    expect(report.merges).toMatchObject({
      fc1: { mode: 'computed', rounds: merges.fc1.rounds },
      fc2: { mode: 'stored' },
    });
    expect(Object.keys(report.merges.fc1.phases)).toEqual(Object.keys(merges.fc1.phases));
  });

  it('tells its widths, errors and bytes', async () => {
    const info = await json('info', at('net.herm'));
    expect(info).toMatchObject({
      bytes: statSync(at('net.herm')).size,
      complete: true,
      original: { name: 'relu.safetensors', size: statSync(LENET).size },
      available: { fc1: 300, fc2: 100 },
      refits: [{ widths: { fc1: 150, fc2: 50 } }],
    });
    expect(info.levels[0].widths).toEqual({ fc1: 1, fc2: 1 });
    expect(info.levels.at(-1)).toEqual({
      widths: { fc1: 300, fc2: 100 },
      errors: { fc1: 0, fc2: 0 },
      bytes: info.bytes,
    });
    const { stdout } = await herm('info', at('net.herm'));
    expect(stdout).toContain('784 > 300 > 100  relu');
    expect(stdout).toMatch(/^150 +\S+ +50 +\S+ +[\d.]+ KiB +[\d.]+%$/m);
  });

  it('comes back bit for bit', async () => {
    const report = await json('recover', at('net.herm'), '-o', at('back.safetensors'));
    expect(report).toMatchObject({ output: at('back.safetensors'), bytes: statSync(LENET).size });
    expect(readFileSync(at('back.safetensors')).equals(readFileSync(LENET))).toBe(true);
  });

  it('is verified, also against its original', async () => {
    expect(await json('verify', at('net.herm'), '--against', LENET)).toMatchObject({
      ok: true,
      complete: true,
      matches: true,
    });
    const other = LENET.replace('relu', 'tanh');
    const { code, stdout } = await herm('verify', at('net.herm'), '--against', other);
    expect(code).toBe(1);
    expect(stdout).toContain(`${other} is another file than relu.safetensors`);
  });

  it('expands to a share, to neurons of each block, and to an error', async () => {
    const quarter = await json('expand', at('net.herm'), '--width', '25%', '-o', at('quarter.safetensors'));
    expect(quarter).toMatchObject({ refitted: false, bytes: statSync(at('quarter.safetensors')).size });
    expect(quarter.blocks).toMatchObject([
      { name: 'fc1', width: 75 },
      { name: 'fc2', width: 25 },
    ]);
    const named = await json('expand', at('net.herm'), '--width', 'fc1=40,fc2=20', '-o', at('named.safetensors'));
    expect(named.blocks).toMatchObject([
      { width: 40, error: null },
      { width: 20, error: null },
    ]);
    const close = await json('expand', at('net.herm'), '--max-error', '0.2', '-o', at('close.safetensors'));
    for (const { width, neurons, error } of close.blocks) {
      expect(error).toBeLessThanOrEqual(0.2);
      expect(width).toBeLessThan(neurons);
    }
    const { stdout } = await herm('inspect', at('named.safetensors'));
    expect(stdout).toMatch(/^fc1 +784 > 40 > 20 +F32 +relu/m);
  });

  it('uses the refit for its widths unless told not to', async () => {
    const args = ['expand', at('net.herm'), '--width', '50%'];
    expect(await json(...args, '-o', at('refit.safetensors'))).toMatchObject({ refitted: true });
    expect(await json(...args, '--no-refit', '-o', at('plain.safetensors'))).toMatchObject({ refitted: false });
    expect(readFileSync(at('refit.safetensors')).equals(readFileSync(at('plain.safetensors')))).toBe(false);
  });

  it('serves small widths from the beginning of the file', async () => {
    const { levels } = await json('info', at('net.herm'));
    const level = levels.find(({ widths }: { widths: { fc1: number } }) => widths.fc1 === 75);
    writeFileSync(at('beginning.herm'), readFileSync(at('net.herm')).subarray(0, level.bytes));
    await json('expand', at('beginning.herm'), '--width', '25%', '-o', at('early.safetensors'));
    await json('expand', at('net.herm'), '--width', '25%', '-o', at('late.safetensors'));
    expect(readFileSync(at('early.safetensors')).equals(readFileSync(at('late.safetensors')))).toBe(true);
    expect(await json('info', at('beginning.herm'))).toMatchObject({
      complete: false,
      available: { fc1: 75, fc2: 25 },
    });
  });

  it('is the same file whatever the number of threads', async () => {
    await json('compress', LENET, '-o', at('one.herm'), '--refit', '50%', '--threads', '1');
    expect(readFileSync(at('one.herm')).equals(readFileSync(at('net.herm')))).toBe(true);
  });

  it('prints nothing with --quiet', async () => {
    const args = ['recover', at('net.herm'), '-o', at('quiet.safetensors'), '--quiet'];
    expect(await herm(...args)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('is listed by its damaged parts, and salvaged before them', async () => {
    const bytes = readFileSync(at('net.herm'));
    const middle = bytes.length / 2;
    bytes[Math.floor(middle)]! ^= 1;
    writeFileSync(at('damaged.herm'), bytes);
    const { code, stdout, stderr } = await herm('verify', at('damaged.herm'), '--json');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const { ok, damage } = JSON.parse(stdout);
    expect(ok).toBe(false);
    expect(damage).toHaveLength(1);
    expect(damage[0].begin).toBeLessThanOrEqual(middle);
    expect(damage[0].end).toBeGreaterThan(middle - 1);
    const salvaged = await herm(
      'expand',
      at('damaged.herm'),
      '--salvage',
      '--width',
      '50%',
      '-o',
      at('rest.safetensors'),
    );
    expect(salvaged).toMatchObject({ code: 0 });
    expect(statSync(at('rest.safetensors')).size).toBeGreaterThan(0);
  });
});
