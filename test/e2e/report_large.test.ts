import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { base64, floats } from '../../lib/report/encode.ts';
import { pageOf } from '../../lib/report/html.ts';
import type { BlockData } from '../../lib/report/page_data.ts';
import { Random } from '../format/support/random.ts';
import { hasChromium, startBrowser, WHY_SKIPPED } from './browser.ts';
import { temporaryFolder } from './herm.ts';

const at = temporaryFolder();
const NEURONS = 14_336;

/** Labels of charts' lower axes that run into the one before. */
const OVERLAPS = `[...document.querySelectorAll('.chart')].flatMap((chart) => {
  const labels = [...chart.querySelectorAll('.axis:not(.grid) text')];
  const boxes = labels.map((label) => label.getBoundingClientRect()).sort((a, b) => a.left - b.left);
  return boxes.slice(1).filter(({ left }, before) => left < boxes[before].right).map(({ left }) => left);
})`;

/** As many neurons as a block of a large transformer has, merged at random: now and then with one that is small. */
function largeBlock(): BlockData {
  const random = new Random(2);
  const living = Array.from({ length: NEURONS }, (_, neuron) => neuron);
  const children = new Uint32Array(2 * (NEURONS - 1));
  for (let t = 0; t < NEURONS - 1; t++) {
    const take = () => living.splice(Math.floor(random.unit() * living.length), 1)[0]!;
    children.set([take(), take()], 2 * t);
    living.push(NEURONS + t);
  }
  const each = (count: number, value: (n: number) => number) =>
    floats(Array.from({ length: count }, (_, n) => value(n)));
  const merges = NEURONS - 1;
  return {
    ...{ name: 'layers.0.mlp', neurons: NEURONS, inputs: 4096, outputs: 4096, activation: 'silu', merges },
    children: base64(children),
    cost: each(merges, (t) => (t + 1) ** 2),
    gates: each(2 * merges, () => 1 + random.unit()),
    angles: each(merges, () => random.unit()),
    parts: each(merges, () => random.unit()),
    shares: each(2 * merges, () => random.unit()),
    termInputs: 'x ~ N(0, I)',
    curve: [1, NEURONS / 2, NEURONS].map((width, n) => ({ width, error: 1 - n / 2 })),
    ...{ refits: [], dead: [], constant: [], copies: [], free: 0 },
  };
}

describe.skipIf(!hasChromium)(`a large block in Chromium${hasChromium ? '' : `, skipped: ${WHY_SKIPPED}`}`, () => {
  it('is drawn as far as it can be seen, and every neuron can be reached', { timeout: 60_000 }, async () => {
    const part = (name: string) => readFileSync(new URL(`../../dist/report/${name}`, import.meta.url), 'utf8');
    const data = {
      ...{ file: { name: 'large.herm', bytes: 1 }, original: { name: 'large', bytes: 1 }, generator: 'a test' },
      ...{ inputs: 'x ~ N(0, I)', metadata: [], blocks: [largeBlock()], tensors: [], plan: [] },
    };
    const page = pageOf(data, { script: part('page.js'), style: part('page.css') });
    // 48 bytes a neuron beside the script.
    expect(page.length).toBeLessThan(1_000_000);
    writeFileSync(at('large.html'), page);
    const browser = await startBrowser();
    try {
      const shown = await browser.open(at('large.html'));
      const drawn = async () => Number(await shown.locator('canvas.icicle').getAttribute('data-drawn'));
      expect(await drawn()).toBeLessThan(6_000);
      const panel = () => shown.locator('.panel h3').textContent();
      expect(await panel()).toBe(`Merge ${NEURONS - 2}, ${NEURONS} neurons`);
      await shown.locator('canvas.icicle').focus();
      for (let depth = 0; depth < 200 && !/^Neuron/.test((await panel())!); depth++) {
        await shown.keyboard.press('ArrowDown');
      }
      expect(await panel()).toMatch(/^Neuron \d+$/);
      await shown.keyboard.press('Enter');
      // At full zoom four neurons fill the drawing: what is drawn are these and what they merged into.
      await expect.poll(drawn).toBeLessThan(1_000);
      await shown.keyboard.press('ArrowRight');
      await shown.keyboard.press('Home');
      expect(await panel()).toBe(`Merge ${NEURONS - 2}, ${NEURONS} neurons`);
      await shown.setViewportSize({ width: 360, height: 740 });
      await shown.reload();
      expect(await shown.locator('.chart .axis:not(.grid) text').count()).toBeGreaterThan(3);
      expect(await shown.evaluate(OVERLAPS)).toEqual([]);
      expect(browser.complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
