#!/usr/bin/env node
import { nodeTooOld } from '../native/load_advice.ts';

const tooOld = nodeTooOld(process.versions);
if (tooOld === undefined) {
  // Only now: what the commands import does not exist in older versions of Node.
  const { main } = await import('./program.ts');
  await main(process.argv.slice(2));
} else {
  process.stderr.write(`error: ${tooOld}\n`);
  process.exitCode = 1;
}
