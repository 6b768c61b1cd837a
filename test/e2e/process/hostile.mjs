// Opens a file that may be hostile, asks everything of it, and prints what came of it and how far memory rose meanwhile.
import { readFileSync, writeFileSync } from 'node:fs';
import { openHerm } from '../../../dist/index.mjs';

const [harmless, hostile] = /** @type {[string, string]} */ (process.argv.slice(2));

/** @param {string} path */
async function use(path) {
  const codes = [];
  for (const salvage of [false, true]) {
    let file;
    try {
      file = await openHerm(path, { salvage });
    } catch (error) {
      codes.push(error.code ?? error.name);
      continue;
    }
    for (const call of [() => file.skeleton(0.01), () => file.skeleton('full'), () => file.verify()]) {
      codes.push(
        await call().then(
          () => 'ok',
          (error) => error.code ?? error.name,
        ),
      );
    }
    await file.close();
  }
  return codes;
}

/** @param {string} key */
const memoryKb = (key) =>
  Number(
    /** @type {RegExpExecArray} */ (new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8')))[1],
  );

// Everything that reading any file loads is there before it is measured.
await use(harmless);
globalThis.gc?.();
writeFileSync('/proc/self/clear_refs', '5');
const before = memoryKb('VmRSS');
const codes = await use(hostile);
process.stdout.write(JSON.stringify({ codes, grownBytes: 1024 * (memoryKb('VmHWM') - before) }));
