import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** Debian's chromium; nothing is downloaded. */
const CHROMIUM = '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);
export const WHY_SKIPPED = `there is no ${CHROMIUM} (Debian: apt-get install --no-install-recommends chromium)`;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A Chromium of its own, and all that went wrong in its pages. */
export interface Browser {
  open(file: string): Promise<Page>;
  /** Errors of scripts, whatever the console was told, and requests that are not for the page itself. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function startBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'hermkit-chromium-'));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
    viewport: { width: 1280, height: 900 },
  });
  const complaints: string[] = [];
  return {
    complaints,
    async open(file) {
      const page = await context.newPage();
      const address = pathToFileURL(file).href;
      page.on('console', (message) => complaints.push(`console: ${message.text()}`));
      page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
      page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`));
      page.on('request', (request) => {
        if (request.url() !== address && !request.url().startsWith('data:'))
          complaints.push(`request: ${request.url()}`);
      });
      await page.goto(address);
      await expect.poll(() => page.locator('canvas.icicle').getAttribute('data-drawn')).not.toBeNull();
      return page;
    },
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
