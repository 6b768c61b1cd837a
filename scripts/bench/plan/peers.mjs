// Simpler ways to spread widths, with the same certificates and the same budget of numbers.

/** One share for all blocks: the widest recorded level within the budget. @returns widths by block, undefined: none fits */
export function uniform(file, budget) {
  const byName = (widths) => Object.fromEntries(file.blocks.map(({ name }, block) => [name, widths[block]]));
  const level = file.ladder.findLastIndex((widths) => file.costOf(byName(widths)).params <= budget);
  return level < 0 ? undefined : byName(file.ladder[level]);
}

/**
 * From the smallest widths on, again and again the step to a recorded width, of whatever block and however wide, that
 * lowers the squared error most per number, until none fits.
 */
export function greedy(file, budget) {
  const { blocks } = file;
  const options = blocks.map((_, block) => certified(file, block));
  const chosen = blocks.map(() => 0);
  const width = (block) => options[block][chosen[block]].width;
  // What one neuron of a block costs beside neighbours of their present widths.
  const price = (block) => {
    const { input, output, bias, inputs, outputs } = blocks[block];
    const before = blocks[block - 1]?.output.tensor === input.tensor ? width(block - 1) : inputs;
    const after = blocks[block + 1]?.input.tensor === output.tensor ? width(block + 1) : outputs;
    return before + after + (bias === undefined ? 0 : 1);
  };
  const widths = () => Object.fromEntries(blocks.map(({ name }, block) => [name, width(block)]));
  let left = budget - file.costOf(widths()).params;
  if (left < 0) return undefined;
  for (;;) {
    let best;
    for (const block of blocks.keys()) {
      const [own, now] = [options[block], chosen[block]];
      const neuron = price(block);
      for (let step = now + 1; step < own.length; step++) {
        const cost = neuron * (own[step].width - own[now].width);
        if (cost > left) break;
        const gain = (own[now].error ** 2 - own[step].error ** 2) / cost;
        if (best === undefined || gain > best.gain) best = { block, step, cost, gain };
      }
    }
    if (best === undefined) return widths();
    chosen[best.block] = best.step;
    left -= best.cost;
  }
}

/** Recorded widths of a block with a certificate, ascending, and the full one, which loses nothing. */
function certified({ ladder, errors, blocks }, block) {
  const { neurons } = blocks[block];
  const known = new Map(ladder.map((widths, level) => [widths[block], errors[block][level]]));
  known.set(neurons, 0);
  return [...known].flatMap(([width, error]) => (error === null ? [] : [{ width, error }]));
}

/** √Σ error² of recorded widths. */
export function predictedError(file, widths) {
  const squares = file.blocks.map(({ name }, block) => {
    return certified(file, block).find(({ width }) => width === widths[name]).error ** 2;
  });
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
}
