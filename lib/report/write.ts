import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { HermFile } from '../file/read.ts';
import { atomicWrite } from '../model/atomic_write.ts';
import { ownRoot } from '../native/load.ts';
import { reportData } from './data.ts';
import { type PageParts, pageOf } from './html.ts';
import type { ReportOptions } from './options.ts';

/** What `writeReport` has written. */
export interface ReportSummary {
  /** Bytes of the page. */
  readonly bytes: number;
  /** Names of the blocks in it. */
  readonly blocks: readonly string[];
  /** What was left out because it would take too long or too much room, in words. */
  readonly leftOut: readonly string[];
}

/**
 * Writes a page that shows the hierarchies of a .herm file: one HTML file, which asks nobody for anything.
 *
 * @throws HermError as `reportData`; `IO` when the page cannot be written.
 */
export async function writeReport(file: HermFile, path: string, options: ReportOptions = {}): Promise<ReportSummary> {
  requireArguments({ file, options });
  const parts = readParts();
  const { data, leftOut } = await reportData(file, options);
  const page = Buffer.from(pageOf(data, parts));
  await atomicWrite(path, ({ write }) => write(page), options.signal ? { signal: options.signal } : {});
  return { bytes: page.byteLength, blocks: data.blocks.map(({ name }) => name), leftOut };
}

/** The script and style that the build made of lib/report/page/. @throws HermError `IO` where they are missing */
function readParts(): PageParts {
  const folder = join(ownRoot(), 'dist', 'report');
  try {
    return {
      script: readFileSync(join(folder, 'page.js'), 'utf8'),
      style: readFileSync(join(folder, 'page.css'), 'utf8'),
    };
  } catch (cause) {
    throw new HermError(
      'IO',
      `${folder} lacks the parts of a report's page: reinstall hermkit.`,
      { folder },
      { cause },
    );
  }
}
