// How far off a block is, as its certificate says and as inputs show that nothing was fitted to.
import { blockValues, buildTree, certifyWidths, widthAt } from '../../../dist/index.mjs';
import { viewsOf } from './narrow.mjs';

/** Rows {model, block, prior, predicted: [widths], measured: [widths]}. @param priors by block @param tested [N×n] by block @param merging by block, what trees are made for */
export async function certificateRows(model, priors, tested, labels, merging = priors) {
  const rows = [];
  for (const [l, { block, weights }] of viewsOf(model).entries()) {
    const prior = priors[l];
    const tree = await buildTree(block, weights, { prior: merging[l] });
    const range = { neurons: tree.neurons, smallest: tree.neurons - tree.merges };
    const widths = model.widths.map((share) => widthAt(range, share));
    rows.push({
      ...{ model: model.name, block: block.name, ...labels },
      predicted: await certifyWidths(block, weights, tree, widths, { prior }),
      measured: await certifyWidths(block, weights, tree, widths, { prior: { inputs: tested[l], blend: 0 } }),
    });
  }
  return rows;
}

/** What goes into each block of a chain when these go into the first one. */
export async function chainInputs(model, inputs) {
  const all = [inputs];
  for (const { block, weights } of viewsOf(model).slice(0, -1)) all.push(await blockValues(block, weights, all.at(-1)));
  return all;
}
