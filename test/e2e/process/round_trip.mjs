import { readFile } from 'node:fs/promises';
import { compress, fileSource, openHerm } from 'hermkit';

/** compress → open → skeleton → recover. */
export async function roundTrip(model, output) {
  await compress(model, output);
  const file = await openHerm(await fileSource(output));
  const { widths } = await file.skeleton(0.5);
  await file.recoverTo(`${output}.safetensors`);
  await file.close();
  const same = (await readFile(model)).equals(await readFile(`${output}.safetensors`));
  return { widths, same };
}
