/*
 * node peak.mjs <small .herm file> <.herm file> <output> <threads>: recovers both, and prints the bytes of the process
 * between the two and at its highest.
 */
import { readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { fileSource, openHerm } from 'hermkit';

const [small, large, output, threads] = process.argv.slice(2);

async function recover(from) {
  const file = await openHerm(await fileSource(from));
  await file.recoverTo(output, { threads: Number(threads) });
  await file.close();
}

/** Linux's maxRSS begins with that of the process that started this one. */
function peak() {
  if (platform() !== 'linux') return 1024 * process.resourceUsage().maxRSS;
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
}

await recover(small);
const before = process.memoryUsage.rss();
await recover(large);
console.log(JSON.stringify({ before, peak: peak() }));
