// Decodes a .herm file as it ships, in a worker thread or a process of its own, and reports digests of what it gives.
import { createHash } from 'node:crypto';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileSource, openHerm } from '../../../dist/index.mjs';

const { path, threads } = isMainThread
  ? { path: process.argv[2], threads: Number(process.argv[3]) }
  : /** @type {{ path: string, threads: number }} */ (workerData);

const file = await openHerm(await fileSource(path));
const digests = [];
for (const width of [0.1, 0.37, 0.8, 1]) {
  const hash = createHash('sha256');
  for (const { data } of (await file.skeleton(width, { threads })).tensors) hash.update(data);
  digests.push(hash.digest('hex'));
}
const hash = createHash('sha256');
for await (const bytes of file.recover({ threads })) hash.update(bytes);
digests.push(hash.digest('hex'));
await file.close();
if (isMainThread) process.stdout.write(JSON.stringify(digests));
else parentPort?.postMessage(digests);
