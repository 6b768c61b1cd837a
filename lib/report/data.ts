import packageJson from '../../package.json' with { type: 'json' };
import { leaveAlone } from '../analysis/spectrum.ts';
import { requireList } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { HermFile } from '../file/read.ts';
import { quoteName } from '../model/messages.ts';
import { blockData, type ReportedBlock } from './block_data.ts';
import type { ReportOptions } from './options.ts';
import type { PlanData, ReportData, TensorData } from './page_data.ts';
import { PRIOR_WORDS } from './words.ts';

/** Metadata beyond this is cut: a page shows it to people. */
const METADATA = { entries: 40, length: 400 };

/** What a report knows, and what it leaves out, in words. */
export interface CollectedReport {
  readonly data: ReportData;
  readonly leftOut: readonly string[];
}

/**
 * Collects what a report shows: block by block, with one block's weights in memory.
 *
 * @throws HermError `BAD_ARGUMENT` for a block that there is not, an image that fits no block, or a plan of other blocks or
 * widths; `NO_BLOCKS` where there is nothing to show; `HERM_TRUNCATED` for a prefix; `OUT_OF_MEMORY`; `ABORTED`; or as reading does.
 */
export async function reportData(file: HermFile, options: ReportOptions = {}): Promise<CollectedReport> {
  const chosen = chooseBlocks(file, options);
  checkImage(file, chosen, options);
  checkPlan(file, options);
  const reported: ReportedBlock[] = [];
  for (const [done, at] of chosen.entries()) {
    const onProgress = (share: number) => options.onProgress?.((done + share) / chosen.length);
    reported.push(await blockData(file, at, { ...options, onProgress }));
  }
  const { name, size, original, prior, metadata } = file;
  const data: ReportData = {
    file: { name: baseName(name), bytes: size },
    original: { name: original.name, bytes: original.size },
    generator: `hermkit ${packageJson.version}`,
    inputs: PRIOR_WORDS[prior],
    metadata: [...metadata].slice(0, METADATA.entries).map(([key, value]) => [cut(key), cut(value)] as const),
    blocks: reported.map((block) => block.data),
    tensors: tensorsOf(reported),
    plan: planOf(file, options),
  };
  return { data, leftOut: reported.flatMap(({ leftOut }) => leftOut) };
}

const cut = (text: string) => (text.length > METADATA.length ? `${text.slice(0, METADATA.length)}…` : text);

/** The last part of a path or address. */
const baseName = (name: string) => name.split(/[\\/]/).at(-1) || name;

function chooseBlocks({ blocks, name: file }: HermFile, { blocks: names }: ReportOptions): number[] {
  requireList('blocks', names, 'names');
  if (blocks.length === 0 || names?.length === 0) {
    const why = `${file} has no blocks with a hierarchy${blocks.length > 0 ? ' among those named' : ''}: there is nothing to show.`;
    throw new HermError('NO_BLOCKS', why, { file });
  }
  if (names === undefined) return [...blocks.keys()];
  const known = blocks.map(({ name }) => name);
  const missing = names.find((name) => !known.includes(name));
  if (missing === undefined) return [...blocks.keys()].filter((at) => names.includes(known[at]!));
  const why = `There is no block ${quoteName(missing)}; there are: ${known.map(quoteName).join(', ')}.`;
  throw new HermError('BAD_ARGUMENT', why, { block: missing, blocks: known });
}

function checkImage({ blocks }: HermFile, chosen: readonly number[], { image }: ReportOptions): void {
  if (image === undefined) return;
  const size = image.width * image.height;
  if (chosen.some((at) => blocks[at]!.inputs === size)) return;
  const sizes = [...new Set(chosen.map((at) => blocks[at]!.inputs))].join(', ');
  const why = `No block has the ${size} inputs of pictures of ${image.width}x${image.height}; they have ${sizes}.`;
  throw new HermError('BAD_ARGUMENT', why, { option: 'image', inputs: size });
}

/** A width that a block does not have could not be drawn. */
function checkPlan({ blocks, ladder }: HermFile, { plan = {} }: ReportOptions): void {
  for (const [name, width] of Object.entries(plan)) {
    const at = blocks.findIndex((block) => block.name === name);
    const [least, most] = at < 0 ? [1, 0] : [ladder[0]![at]!, blocks[at]!.neurons];
    if (Number.isInteger(width) && width >= least && width <= most) continue;
    const why = at < 0 ? 'there is no such block' : `it has widths from ${least} to ${most}`;
    throw new HermError('BAD_ARGUMENT', `The plan gives block ${quoteName(name)} the width ${width}, but ${why}.`, {
      option: 'plan',
      block: name,
      width,
    });
  }
}

/** Of all blocks of the plan, also those that are not shown. */
function planOf({ blocks, ladder, errors }: HermFile, { plan = {} }: ReportOptions): PlanData[] {
  return blocks.flatMap(({ name, neurons }, at) => {
    if (!Object.hasOwn(plan, name)) return [];
    const width = plan[name]!;
    const level = ladder.findLastIndex((widths) => widths[at]! <= width);
    return [{ block: name, neurons, width, error: errors[at]![level] ?? null }];
  });
}

/** Matrices once each, also where two blocks share one. */
function tensorsOf(reported: readonly ReportedBlock[]): TensorData[] {
  const found = new Map<string, ReportedBlock['spectra'][number] & { block: string }>();
  for (const { data, spectra } of reported) {
    for (const entry of spectra) if (!found.has(entry.tensor)) found.set(entry.tensor, { ...entry, block: data.name });
  }
  const all = [...found.values()];
  const alone = leaveAlone(all.map(({ tensor, spectrum }) => ({ tensor, condition: spectrum.condition })));
  return all.map(({ tensor, block, rows, cols, spectrum }) => ({
    name: tensor,
    block,
    rows,
    cols,
    condition: Number.isFinite(spectrum.condition) ? spectrum.condition : null,
    randomCondition: spectrum.randomCondition,
    effectiveRank: spectrum.effectiveRank,
    stableRank: spectrum.stableRank,
    leaveAlone: alone.includes(tensor),
  }));
}
