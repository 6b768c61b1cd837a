import { fileSource, openHerm } from '../../../../dist/index.mjs';
import { timed } from '../stats.mjs';

/** A .herm file back to the original. */
export async function run({ from, to, threads }) {
  return await timed(async () => {
    const file = await openHerm(await fileSource(from));
    await file.recoverTo(to, { threads });
    await file.close();
  });
}
