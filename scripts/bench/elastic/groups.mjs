// Maps that lift the change of a small network's neurons to all of a LeNet's, in the form that `herm adapter` writes.
import { wardFolding } from '../quality/folding.mjs';
import { layerOf } from '../quality/layer.mjs';

/** Seeded numbers in [0, 1): mulberry32. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** [m] of every neuron its group, all k of them of about the same size. */
export function randomGroups(m, k, seed) {
  const groups = Array.from({ length: m }, (_, neuron) => neuron % k);
  const random = generator(seed);
  for (let at = m - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [groups[at], groups[other]] = [groups[other], groups[at]];
  }
  return groups;
}

/** By block, what gives Ward's groups of (w, b, v) for a k. */
export function wardGroups(blocks, lookup) {
  return Object.fromEntries(
    blocks.map((block) => {
      const plan = wardFolding({ layer: layerOf(block, lookup) });
      return [block.name, (k) => plan(k).to];
    }),
  );
}

/** The maps of groups by block: all members move alike. */
export function groupAdapter(blocks, groups) {
  return blocks.flatMap(({ name, input, bias, output }) => {
    const own = groups[name];
    const sizes = new Map();
    for (const group of own) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const equal = Array.from(own, (group) => 1 / Math.sqrt(sizes.get(group)));
    return [
      ...map(`${input.tensor}.rows`, own, equal),
      ...map(`${bias}.rows`, own, equal),
      ...map(`${output.tensor}.columns`, own, equal),
    ];
  });
}

function map(name, groups, coefficients) {
  const shape = [groups.length];
  const bytes = (array) => new Uint8Array(array.buffer);
  return [
    { name: `${name}.index`, dtype: 'I64', shape, data: bytes(BigInt64Array.from(groups, BigInt)) },
    { name: `${name}.coefficient`, dtype: 'F32', shape, data: bytes(Float32Array.from(coefficients)) },
  ];
}
