/* node unhandled_abort.mjs <model> <output>: nobody handles the rejection of an abort while the file is written. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { compress } from 'hermkit';

const [model, output] = process.argv.slice(2);
const controller = new AbortController();
const onProgress = ({ stage, done }) => {
  if (stage !== 'write' || done < 0.7) return;
  if (!existsSync(output)) console.log(JSON.stringify(readdirSync(dirname(output))));
  controller.abort();
};
compress(model, output, { signal: controller.signal, onProgress });
