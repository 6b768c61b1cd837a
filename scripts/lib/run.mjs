import { spawnSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root; every command runs there. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Runs a command with its output shown; returns its exit status (1 when it could not start). */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) console.error(`${command}: ${result.error.message}`);
  return result.status ?? 1;
}

/** Runs a command and returns what it printed, with its status. */
export function capture(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  return {
    status: result.status ?? 1,
    stdout: result.stdout ?? '',
    stderr: result.stderr ?? result.error?.message ?? '',
  };
}

/** Announces a step on stderr (stdout is the result of what follows) and runs it; its output is shown only when it fails, and then the step throws. */
export function runQuietly(title, command, args, options = {}) {
  const started = performance.now();
  process.stderr.write(`${title} … `);
  const { status, stdout, stderr } = capture(command, args, options);
  if (status !== 0) {
    console.error('failed');
    console.error(stdout + stderr);
    throw new Error(`${title} failed: ${command} ${args.join(' ')} (exit status ${status}).`);
  }
  console.error(`done (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
