// Methods that see what goes into the blocks.
import { chooseBlends } from '../../../dist/index.mjs';
import { certificateRows } from './certificates.mjs';
import { FOR_REFITS, HERM, inTurnRows, methodRows, sequential } from './evaluate.mjs';
import { SAMPLED } from './methods.mjs';
import { viewsOf } from './narrow.mjs';

/**
 * HERM on samples blended with the Gaussian prior, and peers with least squares on the samples alone and with the same
 * blended refit as HERM.
 *
 * @param inputs [N×n] by block
 * @param tested other inputs by block, which errors are measured on; undefined: no certificates
 */
export async function sampledRows(model, count, inputs, gaussians, tested, wanted) {
  const labels = { prior: `${count} ${model.sampleUnit ?? 'samples'}` };
  const views = viewsOf(model);
  const blends = [];
  for (const [l, { block, weights }] of views.entries()) {
    blends.push(await chooseBlends(block, weights, inputs[l], { gaussian: gaussians[l] }));
  }
  const priorsAt = (blendOf) =>
    inputs.map((samples, l) => ({ inputs: samples, blend: blendOf(l), gaussian: gaussians[l] }));
  const blended = priorsAt((l) => blends[l].refit);
  const merging = priorsAt((l) => blends[l].merge);
  const refits = [
    { priors: priorsAt(() => 0), labels: { blend: 0 } },
    { priors: blended, labels: { blend: blends.map(({ refit }) => refit) } },
  ];
  const rows = [];
  for (const method of [HERM, FOR_REFITS].filter(wanted)) {
    rows.push(...(await methodRows(model, method, merging, refits.slice(1), labels)));
  }
  for (const method of SAMPLED.filter(wanted)) rows.push(...(await methodRows(model, method, blended, refits, labels)));
  if (model.chain) {
    const settings = { inputs: inputs[0], blends };
    const zero = { inputs: inputs[0], blends: blends.map(() => ({ refit: 0, merge: 0 })) };
    const inTurn = ({ name }) => wanted({ name: sequential(name) });
    if (inTurn(HERM)) rows.push(...(await inTurnRows(model, HERM, settings, { ...labels, ...refits[1].labels })));
    for (const method of SAMPLED.filter(inTurn)) {
      rows.push(...(await inTurnRows(model, method, zero, { ...labels, blend: 0 })));
    }
  }
  const certificates = tested ? await certificateRows(model, blended, tested, labels, merging) : [];
  return { rows, certificates };
}
