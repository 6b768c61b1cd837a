import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compress, fromFloat64, openHerm, serializeSafetensors, writeReport } from '../../lib/index.ts';
import { Random } from '../format/support/random.ts';
import { type Browser, hasChromium, startBrowser, WHY_SKIPPED } from './browser.ts';
import { herm, LENET, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
const EVIL = `</script><script>alert(1)</script><img src=x onerror="alert(2)">'"<!--`;

/** Two chained blocks; names and metadata are hostile, and the second block's neurons are copies, one of them dead. */
async function hostileFile(): Promise<string> {
  const random = new Random(4);
  const matrix = (name: string, rows: number, cols: number, value = () => random.gauss()) =>
    fromFloat64(Array.from({ length: rows * cols }, value), 'F32', name, [rows, cols]);
  const [first, second] = [`${EVIL}.weight`, `b${EVIL}.weight`];
  const tensors = [matrix(first, 12, 6), matrix(second, 5, 12)];
  const metadata = new Map([
    ['activation', 'relu'],
    [EVIL, EVIL],
  ]);
  writeFileSync(at('hostile.safetensors'), serializeSafetensors(tensors, metadata));
  const block = { input: first, output: second };
  await compress(at('hostile.safetensors'), at('hostile.herm'), { blocks: [block] });
  return at('hostile.herm');
}

beforeAll(async () => {
  const made = await herm('compress', LENET, '-o', at('net.herm'), '--refit', '50%', '--quiet');
  expect(made.code).toBe(0);
});

describe('herm report', () => {
  it('writes one page and says how large it is', async () => {
    const { code, stdout } = await herm('report', at('net.herm'), '-o', at('net.html'), '--image', '28x28', '--json');
    expect(code).toBe(0);
    const { size } = statSync(at('net.html'));
    expect(JSON.parse(stdout)).toEqual({ output: at('net.html'), bytes: size, blocks: ['fc1', 'fc2'], leftOut: [] });
    // The script is 0.1 MB, pictures are 4/3 bytes a weight, and a merge some 50 bytes.
    expect(size).toBeLessThan(600_000);
    expect((await herm('report', at('net.herm'), '-o', at('net.html'))).stderr).toContain('OUTPUT_EXISTS');
  });

  it('refuses blocks that there are not, pictures that fit none, and beginnings of files', async () => {
    const blocks = await herm('report', at('net.herm'), '-o', at('no.html'), '--block', 'fc9');
    expect(blocks.stderr).toContain('There is no block "fc9"');
    const image = await herm('report', at('net.herm'), '-o', at('no.html'), '--image', '30x30');
    expect(image.stderr).toContain('No block has the 900 inputs of pictures of 30x30; they have 784, 300.');
    writeFileSync(at('part.herm'), readFileSync(at('net.herm')).subarray(0, 300_000));
    expect((await herm('report', at('part.herm'), '-o', at('no.html'))).stderr).toContain('HERM_TRUNCATED');
  });

  it('refuses files without a hierarchy, of which herm tree says so', async () => {
    const tensors = [
      fromFloat64([Number.NaN, 1], 'F32', 'a.weight', [2, 1]),
      fromFloat64([1, 1], 'F32', 'b.weight', [1, 2]),
    ];
    writeFileSync(at('bare.safetensors'), serializeSafetensors(tensors));
    const options = { blocks: 'a>b', activation: 'relu', allowNonfinite: true };
    await compress(at('bare.safetensors'), at('bare.herm'), options);
    const report = await herm('report', at('bare.herm'), '-o', at('no.html'));
    expect(report.stderr).toMatch(/^error NO_BLOCKS: .*bare\.herm has no blocks with a hierarchy/);
    expect((await herm('tree', at('bare.herm'))).stdout).toMatch(/bare\.herm has no blocks with a hierarchy\.\n$/);
  });

  it('keeps what names say apart from what the page is', async () => {
    const file = await openHerm(await hostileFile());
    try {
      await writeReport(file, at('hostile.html'));
    } finally {
      await file.close();
    }
    const page = readFileSync(at('hostile.html'), 'utf8');
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).not.toContain('<img');
    expect(page).toMatch(/http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-/);
  });
});

describe.skipIf(!hasChromium)(`the page in Chromium${hasChromium ? '' : `, skipped: ${WHY_SKIPPED}`}`, () => {
  let browser: Browser;
  let page: Page;
  const panel = () => page.locator('.panel h3').textContent();
  const drawn = async () => Number(await page.locator('canvas.icicle').getAttribute('data-drawn'));

  beforeAll(async () => {
    browser = await startBrowser();
  }, 60_000);
  afterAll(() => browser.close());

  it('shows the hierarchy; clicks and buttons choose', async () => {
    page = await browser.open(at('net.html'));
    expect(await page.title()).toBe('relu.safetensors: hierarchy of its neurons');
    expect(await panel()).toBe('Merge 298, 300 neurons');
    expect(await drawn()).toBe(599);
    const canvas = page.locator('canvas.icicle');
    const { width, height } = (await canvas.boundingBox())!;
    await canvas.click({ position: { x: 60, y: height - 4 } });
    expect(await panel()).toMatch(/^Neuron \d+$/);
    await page.getByRole('button', { name: /^Parent: Merge \d+, \d+ neurons$/ }).click();
    expect(await panel()).toMatch(/^Merge \d+, \d+ neurons$/);
    await canvas.click({ position: { x: width / 2, y: 8 } });
    expect(await panel()).toBe('Merge 298, 300 neurons');
    await page.getByRole('button', { name: /^Second child/ }).click();
    expect(await panel()).not.toBe('Merge 298, 300 neurons');
    // The merged neuron and its two children.
    expect(await page.locator('.panel canvas.picture').count()).toBe(3);
  });

  it('zooms by buttons, wheel and double click, and draws what can be seen alone', async () => {
    const canvas = page.locator('canvas.icicle');
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await expect.poll(drawn).toBeLessThan(599);
    await page.getByRole('button', { name: 'Show all' }).click();
    await expect.poll(drawn).toBe(599);
    await canvas.click({ position: { x: 300, y: 200 } });
    await page.mouse.wheel(0, -600);
    await expect.poll(drawn).toBeLessThan(599);
    await page.getByRole('button', { name: 'Show all' }).click();
    await expect.poll(drawn).toBe(599);
    await canvas.dblclick({ position: { x: 60, y: 200 } });
    await expect.poll(drawn).toBeLessThan(599);
  });

  it('is operated by the keyboard', async () => {
    await page.locator('canvas.icicle').focus();
    await page.keyboard.press('Home');
    expect(await panel()).toBe('Merge 298, 300 neurons');
    await page.keyboard.press('ArrowDown');
    const child = await panel();
    expect(child).not.toBe('Merge 298, 300 neurons');
    await page.keyboard.press('ArrowRight');
    expect(await panel()).not.toBe(child);
    await page.keyboard.press('ArrowLeft');
    expect(await panel()).toBe(child);
    await page.keyboard.press('0');
    await expect.poll(drawn).toBe(599);
    await page.keyboard.press('Enter');
    await expect.poll(drawn).toBeLessThan(599);
    await page.keyboard.press('ArrowUp');
    expect(await panel()).toBe('Merge 298, 300 neurons');
    // Everything else is reached by Tab.
    const slider = page.getByRole('slider', { name: 'Width of the cut' });
    await slider.focus();
    const before = await slider.getAttribute('aria-valuetext');
    await page.keyboard.press('ArrowRight');
    const after = await slider.getAttribute('aria-valuetext');
    expect(Number(after)).toBeGreaterThan(Number(before));
    expect(await page.locator('.width output').textContent()).toMatch(new RegExp(`^${after} of 300 .*error 0\\.`));
    expect(await page.locator('.wall canvas').count()).toBe(Number(after));
  });

  it('shows the other block, colours and heights', async () => {
    await page.getByRole('button', { name: 'fc2' }).click();
    await expect.poll(drawn).toBe(199);
    expect(await page.locator('.wall').count()).toBe(0);
    for (const colour of ['cost', 'loss', 'angle', 'share']) {
      await page.getByLabel('Colour').selectOption(colour);
      expect(await page.locator('.legend').textContent()).toMatch(/\d/);
    }
    await page.getByLabel('Height').selectOption('cost');
    await expect.poll(drawn).toBe(199);
  });

  it('follows the theme of the system until its reader chooses one', async () => {
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(background).not.toBe(light);
    const dark = await background();
    await page.getByRole('button', { name: 'Light' }).click();
    expect(await background()).toBe(light);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('button', { name: 'Dark' }).click();
    expect(await background()).toBe(dark);
  });

  it('shows a plan, and starts at its widths', async () => {
    expect((await herm('plan', at('net.herm'), '--params', '40%', '-o', at('plan.json'))).code).toBe(0);
    expect((await herm('report', at('net.herm'), '-o', at('plan.html'), '--plan', at('plan.json'))).code).toBe(0);
    const { widths } = JSON.parse(readFileSync(at('plan.json'), 'utf8'));
    const planned = await browser.open(at('plan.html'));
    expect(await planned.locator('.width output').textContent()).toMatch(new RegExp(`^${widths.fc1} of 300 `));
    expect(await planned.getByRole('cell', { name: `${widths.fc2} of 100` }).count()).toBe(1);
    await planned.close();
  });

  it('fits the width of a phone', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.reload();
    await expect.poll(drawn).toBeGreaterThan(100);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await page.locator('canvas.icicle').click({ position: { x: 200, y: 8 } });
    expect(await panel()).toBe('Merge 298, 300 neurons');
  });

  it('shows hostile names as they are, and runs nothing of them', async () => {
    page = await browser.open(at('hostile.html'));
    await page.locator('summary').click();
    expect(await page.locator('details dt', { hasText: EVIL }).count()).toBe(1);
    expect(await page.locator('tbody td', { hasText: EVIL }).count()).toBeGreaterThan(0);
    expect(await page.locator('img').count()).toBe(0);
  });

  it('asks nobody for anything and reports no error', () => {
    expect(browser.complaints).toEqual([]);
  });
});
