// Every measurement has its own process: no warm caches, no memory and no threads left over from the one before.
import { fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const child = fileURLToPath(new URL('./child.mjs', import.meta.url));

/** What `run(input)` of tasks/<task>.mjs gives in a process of its own, with that process's `peakBytes`. */
export function runTask(task, input) {
  return new Promise((resolve, reject) => {
    const process = fork(child, [], { execArgv: ['--expose-gc'] });
    let answer;
    process.on('message', (message) => {
      answer = message;
    });
    process.on('error', reject);
    process.on('close', (code, signal) => {
      if (answer?.output) resolve(answer.output);
      else reject(new Error(`${task} failed: ${answer?.error ?? `exit ${code ?? signal}, nothing reported`}`));
    });
    process.send({ task, input });
  });
}

/** What a command prints; rejects with its messages when it fails. */
export function runCommand(command, args) {
  return new Promise((resolve, reject) => {
    const process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      process[stream].setEncoding('utf8').on('data', (text) => {
        printed[stream] += text;
      });
    }
    process.on('error', reject);
    process.on('close', (code) => {
      if (code === 0) resolve(printed.stdout);
      else reject(new Error(`${command} ${args.join(' ')} failed: ${printed.stderr}`));
    });
  });
}
