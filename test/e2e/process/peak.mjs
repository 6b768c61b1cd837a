/*
 * node peak.mjs <small .herm file> <.herm file> <output> <threads>: recovers both, and prints the bytes of the process
 * between the two and at its highest.
 */
import { fileSource, openHerm } from 'hermkit';
import { peak } from './peak_memory.mjs';

const [small, large, output, threads] = process.argv.slice(2);

async function recover(from) {
  const file = await openHerm(await fileSource(from));
  await file.recoverTo(output, { threads: Number(threads) });
  await file.close();
}

await recover(small);
const before = process.memoryUsage.rss();
await recover(large);
console.log(JSON.stringify({ before, peak: peak() }));
