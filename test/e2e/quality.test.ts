import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

interface Row {
  readonly method: string;
  readonly refit: boolean;
  readonly values: readonly { readonly accuracy: number }[];
}

interface Result {
  readonly rows: readonly Row[];
  readonly bars: readonly { readonly name: string; readonly value: number; readonly goal: number }[];
}

// As a user runs it: the real net, all 10,000 real test images, skeletons read from a real file.
it('the ReLU LeNet keeps its accuracy within the goals, and keeps more than pruning and k-means folding', {
  timeout: 300_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['scripts/bench/main.mjs', 'quality', '--model', 'relu', '--json', '--no-samples'],
    ...['--methods', 'HERM,L1 pruning,k-means folding', '--widths', '50,40,30,20,10'],
  ]);
  const { rows, bars }: Result = JSON.parse(stdout);
  expect(bars.filter(({ name }) => /loss$/.test(name))).toHaveLength(6);
  expect(bars.filter(({ name }) => /as published$/.test(name))).toHaveLength(8);
  for (const { name, value, goal } of bars) expect(value, name).toBeGreaterThanOrEqual(goal);
  const of = (method: string, refit: boolean) =>
    rows.find((row) => row.method === method && row.refit === refit)?.values.map(({ accuracy }) => accuracy) ?? [];
  for (const peer of ['L1 pruning', 'k-means folding']) {
    for (const refit of [false, true]) {
      expect(of(peer, refit)).toHaveLength(5);
      of(peer, refit).forEach((accuracy, share) => {
        // Below 70% removed all methods are within the sampling error of 10,000 images.
        if (share < 2) return;
        expect(of('HERM', refit)[share], `${peer}, refit ${refit}, column ${share}`).toBeGreaterThan(accuracy);
      });
    }
  }
});
