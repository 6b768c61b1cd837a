import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { HermError } from '../errors.ts';
import type { Block } from '../model/block.ts';
import { ioError, quoteName } from '../model/messages.ts';
import type { WidthPlan } from './plan_widths.ts';

/** What a file of a plan begins with: its kind and version. */
const MARK = { hermPlan: 1 };

/** The plan as JSON. */
export function planJson(plan: WidthPlan): object {
  return { ...MARK, ...plan };
}

const planned = z.object({
  hermPlan: z.literal(MARK.hermPlan),
  blocks: z.array(z.object({ name: z.string(), neurons: z.number(), width: z.number() })),
});

/**
 * The widths of a plan by block name.
 *
 * @throws HermError `PLAN` for a file that is no plan, or one that was made for other blocks; `IO`.
 */
export async function readPlan(path: string, blocks: readonly Block[]): Promise<Record<string, number>> {
  const json = await readJson(path, 'PLAN');
  const parsed = planned.safeParse(json);
  if (!parsed.success) {
    const why = `${path} is no plan of widths as "herm plan -o" writes it.`;
    throw new HermError('PLAN', why, { file: path }, { cause: parsed.error });
  }
  const known = new Map(parsed.data.blocks.map((block) => [block.name, block]));
  const stranger = blocks.find(({ name, neurons }) => known.get(name)?.neurons !== neurons);
  if (stranger === undefined && parsed.data.blocks.length === blocks.length) {
    return Object.fromEntries(parsed.data.blocks.map(({ name, width }) => [name, width]));
  }
  const which = stranger === undefined ? '' : `: block ${quoteName(stranger.name)} differs`;
  throw new HermError('PLAN', `${path} is a plan for another model${which}. Make one with "herm plan".`, {
    file: path,
  });
}

/** The sensitivities of blocks by name, as a JSON object. @throws HermError `BAD_ARGUMENT`, `IO` */
export async function readSensitivity(path: string): Promise<Record<string, number>> {
  const parsed = z.record(z.string(), z.number()).safeParse(await readJson(path, 'BAD_ARGUMENT'));
  if (parsed.success) return parsed.data;
  const why = `${path} must be a JSON object with a number for every block, such as {"fc1": 1, "fc2": 0.5}.`;
  throw new HermError('BAD_ARGUMENT', why, { file: path });
}

async function readJson(path: string, code: 'PLAN' | 'BAD_ARGUMENT'): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw ioError('read', path, cause);
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HermError(code, `${path} is not valid JSON.`, { file: path }, { cause });
  }
}
