/* node workers.mjs <how> <model> <output>: prints what became of worker threads. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { roundTrip } from './round_trip.mjs';

const [how, model, output] = process.argv.slice(2);
const start = (task, name) =>
  new Worker(new URL('worker.mjs', import.meta.url), { workerData: { task, model, output: `${output}.${name}` } });

async function finished(worker) {
  const [[message], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  return { ...message, code };
}

const tasks = {
  async atOnce() {
    return Promise.all(['a', 'b', 'c'].map((name) => finished(start('round trip', name))));
  },
  /** A worker that goes while its kernel runs; others, and this thread, go on. */
  async terminated() {
    const worker = start('merge', 'x');
    const messages = [];
    worker.on('message', (message) => messages.push(message));
    await once(worker, 'message');
    const code = await worker.terminate();
    return { code, done: messages.includes('done'), after: await roundTrip(model, `${output}.main`) };
  },
  async exited() {
    const [code] = await once(start('exit', 'x'), 'exit');
    return { code, after: await roundTrip(model, `${output}.main`) };
  },
  /** The addon is loaded and unloaded with every worker. */
  async reloaded() {
    const all = [];
    for (let k = 0; k < 20; k++) all.push(await finished(start('brief', k)));
    return all;
  },
};
console.log(JSON.stringify(await tasks[how]()));
