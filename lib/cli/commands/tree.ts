import { type Command, Option } from 'commander';
import { HermError } from '../../errors.ts';
import type { HermFile } from '../../file/read.ts';
import type { MergeTree } from '../../herm/tree.ts';
import {
  type DrawStyle,
  drawTree,
  type TreeTextOptions,
  treeDot,
  treeNewick,
  treeNodes,
} from '../../herm/tree_text.ts';
import { quoteName } from '../../model/messages.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { withHerm } from '../herm_file.ts';
import { parseMultiple } from '../options.ts';
import { number, printable, sections } from '../render.ts';

interface TreeOptions extends CommonOptions, TreeTextOptions {
  readonly block?: string;
  readonly ascii?: true;
  readonly format?: 'json' | 'newick' | 'dot';
}

/** Merges below the root that text shows where nobody says how many. */
const DEFAULT_DEPTH = 4;

const LINES: DrawStyle = { branch: '├─ ', corner: '└─ ', line: '│  ', more: '…' };
const ASCII: DrawStyle = { branch: '|-- ', corner: '`-- ', line: '|   ', more: '...' };

export function addTree(program: Command, run: Run): void {
  const command = program
    .command('tree')
    .description('Show the hierarchies of a .herm file, or hand them to other programs.')
    .argument('<file>', 'a whole .herm file; a path or an http(s) address')
    .option('--block <name>', 'one block, as "herm info" names it; default: all')
    .addOption(
      new Option('--depth <n>', 'merges from the root down; default: 4 in drawings, else all').argParser(parseMultiple),
    )
    .option('--ascii', 'draw with ASCII characters alone')
    .addOption(
      new Option('--format <format>', 'instead of a drawing: json, newick (branch lengths by cost) or dot (Graphviz)')
        .choices(['json', 'newick', 'dot'])
        .conflicts('ascii'),
    );
  withCommonOptions(command, [
    'herm tree model.herm --block fc1',
    'herm tree model.herm --block fc1 --depth 6 --ascii',
    'herm tree model.herm --block fc1 --format newick > fc1.nwk',
    'herm tree model.herm --block fc1 --depth 5 --format dot | dot -Tsvg > fc1.svg',
  ]).action((path: string, options: TreeOptions) => run(options, (context) => tree(path, options, context)));
}

async function tree(path: string, options: TreeOptions, { signal }: Context): Promise<Outcome> {
  return withHerm(path, { signal }, async (file) => {
    const names = options.block === undefined ? file.blocks.map(({ name }) => name) : [options.block];
    checkSingle(file, names, options);
    const trees = new Map<string, MergeTree>();
    for (const name of names) trees.set(name, await file.tree(name));
    const json = { file: file.name, blocks: Array.from(trees, ([name, found]) => toJson(name, found, options)) };
    const none = options.format === undefined && trees.size === 0;
    const text = none ? `${printable(file.name)} has no blocks with a hierarchy.` : render(trees, json, options);
    return { json, text };
  });
}

/** @throws HermError `BAD_ARGUMENT` where readers of a format would take several blocks for one. */
function checkSingle({ blocks, name: file }: HermFile, names: readonly string[], { format }: TreeOptions): void {
  if (names.length < 2 || format === undefined || format === 'json') return;
  const all = blocks.map(({ name }) => quoteName(name)).join(', ');
  const why = `${file} has several blocks, and ${format} tells of one: say with --block which of ${all}.`;
  throw new HermError('BAD_ARGUMENT', why, { option: 'block', blocks: names });
}

function toJson(block: string, found: MergeTree, { depth }: TreeOptions): object {
  return { block, neurons: found.neurons, merges: found.merges, nodes: treeNodes(found, { depth }) };
}

function render(trees: ReadonlyMap<string, MergeTree>, json: object, options: TreeOptions): string {
  const { format, depth, ascii = false } = options;
  if (format === 'json') return JSON.stringify(json, undefined, 2);
  const texts = Array.from(trees, ([name, found]) => {
    if (format === 'newick') return treeNewick(found, { depth }).trimEnd();
    if (format === 'dot') return treeDot(name, found, { depth }).trimEnd();
    const head = `Block ${printable(name)}: ${found.neurons} neurons, ${found.merges} merges.`;
    return `${head}\n${drawTree(found, ascii ? ASCII : LINES, number, { depth: depth ?? DEFAULT_DEPTH })}`;
  });
  return sections(...texts);
}
