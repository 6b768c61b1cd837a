import { parentPort, workerData } from 'node:worker_threads';
import { longMerge } from './long_merge.mjs';
import { roundTrip } from './round_trip.mjs';

const { task, model, output } = workerData;
if (task === 'round trip') parentPort.postMessage(await roundTrip(model, output));
if (task === 'merge') {
  longMerge({ onProgress: (done) => done < 1 && parentPort.postMessage('at work') }).then(() =>
    parentPort.postMessage('done'),
  );
}
if (task === 'brief') longMerge({}, 50).then(({ merges }) => parentPort.postMessage({ merges }));
if (task === 'exit') longMerge({ onProgress: (done) => process.exit(done < 1 ? 5 : 6) });
