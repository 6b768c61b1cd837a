import { type Command, Option } from 'commander';
import type { HermFile } from '../../file/read.ts';
import { atomicWrite } from '../../model/atomic_write.ts';
import { formatBytes } from '../../native/memory.ts';
import type { CostKind } from '../../plan/cost.ts';
import { planJson, readSensitivity } from '../../plan/plan_file.ts';
import type { WidthPlan } from '../../plan/plan_widths.ts';
import { blockTable } from '../block_table.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { withHerm } from '../herm_file.ts';
import { parseByteBudget, parseCountBudget, parseMaxError, parseMultiple } from '../options.ts';
import { checkOutput } from '../output.ts';
import { errorText, keyValues, number, percent, sections } from '../render.ts';

interface PlanOptions extends CommonOptions {
  readonly params?: number;
  readonly flops?: number;
  readonly bytes?: number;
  readonly maxError?: number;
  readonly minimize?: CostKind;
  readonly sensitivity?: string;
  readonly uniform?: true;
  readonly roundTo?: number;
  readonly output?: string;
  readonly force?: true;
}

const GOALS = ['params', 'flops', 'bytes', 'maxError'] as const;

export function addPlan(program: Command, run: Run): void {
  const command = program
    .command('plan')
    .description('Spread widths over the blocks: the least error within a budget, or the least cost within an error.')
    .argument('<file>', 'the .herm file, or the beginning of one; a path or an http(s) address')
    .addOption(
      goal('--params <budget>', 'numbers in all tensors: "40%" of the original\'s, or so many', parseCountBudget),
    )
    .addOption(goal('--flops <budget>', 'operations of the blocks for one row: "30%", or so many', parseCountBudget))
    .addOption(goal('--bytes <budget>', 'bytes read of the file: "30%", or a size such as 2MB', parseByteBudget))
    .addOption(goal('--max-error <error>', 'the predicted error may be as large as this', parseMaxError))
    .addOption(
      new Option('--minimize <cost>', 'what --max-error makes least; default: params').choices([
        'params',
        'flops',
        'bytes',
      ]),
    )
    .option(
      '--sensitivity <file>',
      'how much each block\'s squared error counts: JSON as "herm sensitivity -o" writes it',
    )
    .option('--uniform', 'one width for all blocks that loaders give one')
    .addOption(new Option('--round-to <n>', 'multiples of this alone, and full widths').argParser(parseMultiple))
    .option('-o, --output <file>', 'write the plan as JSON, for "herm expand --plan"')
    .option('--force', 'replace the output if it exists');
  withCommonOptions(command, [
    'herm plan model.herm --params 40%',
    'herm plan model.herm --max-error 0.05 --minimize flops -o plan.json',
    'herm plan model.herm --params 40% --sensitivity sensitivity.json',
    'herm plan Qwen3.herm --params 60% --uniform --round-to 64',
    'herm plan https://example.org/model.herm --bytes 2MB',
  ]).action((path: string, options: PlanOptions) => {
    if (GOALS.every((key) => options[key] === undefined)) {
      command.error("error: one of '--params', '--flops', '--bytes' and '--max-error' is required");
    }
    return run(options, (context) => plan(path, options, context));
  });
}

/** A budget; there can be only one. */
function goal<T>(flags: string, description: string, parse: (text: string) => T): Option {
  const option = new Option(flags, description).argParser(parse);
  return option.conflicts(GOALS.filter((key) => key !== option.attributeName()));
}

async function plan(path: string, options: PlanOptions, { signal }: Context): Promise<Outcome> {
  const { output, force = false, sensitivity: weights, json: _, quiet: __, ...request } = options;
  return withHerm(path, { signal }, async (file) => {
    if (output !== undefined) await checkOutput(output, [path, weights], force);
    const sensitivity = weights === undefined ? undefined : await readSensitivity(weights);
    const found = await file.planWidths({ ...request, sensitivity, signal });
    const json = planJson(found);
    if (output !== undefined) {
      await atomicWrite(output, (out) => out.write(Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`)), { signal });
    }
    return { json, text: render(file, found, output) };
  });
}

function render(file: HermFile, found: WidthPlan, output: string | undefined): string {
  const { blocks, cost, whole } = found;
  const rounded = blocks.some(({ width, recorded }) => width !== recorded);
  const share = (kind: keyof typeof cost, text: (value: number) => string) =>
    `${text(cost[kind])} of ${text(whole[kind])} (${percent(cost[kind] / whole[kind])})`;
  const count = (value: number) => value.toLocaleString('en-US');
  return sections(
    blockTable(blocks),
    keyValues([
      ['predicted error', `${errorText(found.error)}, √Σ error² of the blocks${weighted(found)}`],
      ['parameters', share('params', count)],
      ['operations a row', share('flops', count)],
      ['bytes to read', share('bytes', formatBytes)],
      ['as a beginning', `${formatBytes(cost.prefixBytes)} of ${formatBytes(file.size)}`],
    ]),
    rounded ? 'Errors are those of the recorded widths from which these were rounded up.' : '',
    judge(found),
    output === undefined ? '' : `Wrote ${output}.`,
  );
}

function weighted({ blocks }: WidthPlan): string {
  return blocks.some(({ sensitivity }) => sensitivity !== 1) ? ', each times its sensitivity' : '';
}

/** How good the plan is. */
function judge({ least, bound, error, cost }: WidthPlan): string {
  const reached = least === 'error' ? error : cost[least];
  const what = least === 'error' ? 'a smaller predicted error' : `fewer ${NAMES[least]}`;
  const limit = least === 'error' ? 'budget' : 'error';
  const gap = reached > 0 ? 1 - bound / reached : 0;
  if (gap < 1e-9) return `No recorded widths within this ${limit} have ${what}.`;
  return `Recorded widths within this ${limit} could have ${what} by at most ${number(100 * gap)}%.`;
}

const NAMES: Readonly<Record<CostKind, string>> = { params: 'parameters', flops: 'operations', bytes: 'bytes' };
