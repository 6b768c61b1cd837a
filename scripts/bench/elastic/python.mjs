import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const INSTALL = 'apt-get install --no-install-recommends python3-torch python3-numpy dataset-fashion-mnist';

/** Runs one of the scripts beside this file with Debian's Python; `onLine` gets each line that it prints, parsed. */
export async function runScript(name, args, input, onLine) {
  const script = fileURLToPath(new URL(`./${name}.py`, import.meta.url));
  const env = { ...process.env, OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1' };
  const child = spawn('/usr/bin/python3', [script, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.end(JSON.stringify(input));
  for await (const line of createInterface({ input: child.stdout })) onLine(JSON.parse(line));
  const code = await ended;
  if (code !== 0) throw new Error(`${name}.py failed (${INSTALL}): ${errors}`);
}
