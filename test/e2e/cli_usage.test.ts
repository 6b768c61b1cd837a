import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { CLI, herm, start } from './herm.ts';

const COMMANDS =
  'inspect compress info tree report plan sensitivity expand lift adapter grow recover verify truncate upgrade sca gid doctor'.split(
    ' ',
  );

describe('herm without work', () => {
  it('lists its commands and exit codes', async () => {
    const { code, stdout } = await herm('--help');
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(stdout).toContain('130 interrupted');
  });

  it.each(COMMANDS)('shows an example and both common options of %s', async (command) => {
    const { code, stdout } = await herm(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  \\$ herm ${command}`));
    expect(stdout).toContain('--json');
    expect(stdout).toContain('--quiet');
    expect(stdout).not.toContain('\u001b');
  });

  it('prints its version', async () => {
    expect(await herm('--version')).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  });

  it('shows its help on stderr when there is no command', async () => {
    const { code, stdout, stderr } = await herm();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: herm');
  });

  it('reports the addon and its BLAS', async () => {
    const text = await herm('doctor');
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^BLAS +OpenBLAS/m);
    const { stdout } = await herm('doctor', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      version: packageJson.version,
      node: process.versions.node,
      addon: expect.stringMatching(/\.node$/),
      blasConfig: expect.stringContaining('OpenBLAS'),
    });
    expect(await herm('doctor', '--quiet')).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

it('says in a line that its output is lost', () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'doctor'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(/^error IO: Cannot write the output: no space left.*\n$/),
  });
});

describe('a wrong command line', () => {
  it.each([
    ['a command', ['compres', 'a'], 'compress'],
    ['an option', ['doctor', '--jsn'], '--json'],
    ['an option of a command', ['compress', 'a', '-o', 'b', '--refits', '50%'], '--refit'],
  ])('suggests %s', async (_, args, suggestion) => {
    const { code, stdout, stderr } = await herm(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`(Did you mean ${suggestion}?)`);
  });

  it.each<[string, string[], string]>([
    ['a missing argument', ['info'], "missing required argument 'file'"],
    ['a missing option', ['recover', 'a.herm'], "required option '-o, --output <file>'"],
    ['too many arguments', ['info', 'a', 'b'], 'too many arguments'],
    ['a bad width', ['expand', 'a.herm', '--width', '150%', '-o', 'b'], 'Give a percentage above 0 and up to 100'],
    ['a bad thread count', ['compress', 'a', '-o', 'b', '--threads', '0'], 'from 1 to 1024'],
    ['a bad pair', ['sca', 'a', '--block', 'fc1', '--pair', '3'], 'two neurons'],
    ['an unknown prior', ['compress', 'a', '-o', 'b', '--prior', 'flat'], 'isotropic'],
    ['two ways to say a width', ['expand', 'a', '-o', 'b', '--width', '5', '--max-error', '1'], 'cannot be used with'],
    ['no width', ['expand', 'a', '-o', 'b'], '--width'],
    ['refits to merge for', ['compress', 'a', '-o', 'b', '--cost', 'refit'], "needs '--refit <shares>'"],
    ['widths to refit for', ['compress', 'a', '-o', 'b', '--sequential'], "needs '--refit <shares>'"],
    ['samples to blend', ['compress', 'a', '-o', 'b', '--blend', '0.5'], "needs '--samples <file>'"],
    ['help on nothing', ['help', 'nonsense'], "unknown command 'nonsense'"],
    ['a pair and a group', ['sca', 'a', '--block', 'b', '--pair', '1,2', '--group', '1,2,3'], 'cannot be used with'],
  ])('says what is wrong: %s', async (_, args, part) => {
    const { code, stdout, stderr } = await herm(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(part);
  });

  it('is told as JSON with --json', async () => {
    const { code, stdout, stderr } = await herm('docto', '--json');
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    const message = "unknown command 'docto'\n(Did you mean doctor?)";
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'USAGE', message, details: {} } });
  });
});

describe('a reader that goes away', () => {
  it('is no error', async () => {
    const { child, finished } = start('--help');
    child.stdout.destroy();
    const { code, stderr } = await finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
