const { readFileSync } = require('node:fs');
const { compress, fileSource, openHerm } = require('hermkit');

async function main(model, output) {
  await compress(model, output);
  const file = await openHerm(await fileSource(output));
  const { widths } = await file.skeleton(0.5);
  await file.recoverTo(`${output}.safetensors`);
  await file.close();
  const same = readFileSync(model).equals(readFileSync(`${output}.safetensors`));
  console.log(JSON.stringify({ widths, same }));
}

main(process.argv[2], process.argv[3]);
