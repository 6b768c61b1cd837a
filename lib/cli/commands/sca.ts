import { type Command, Option } from 'commander';
import { type Neuron, type Sca, scaGroup, scaLayer } from '../../analysis/sca.ts';
import { HermError } from '../../errors.ts';
import type { Block, WeightRef } from '../../model/block.ts';
import { withModel } from '../../model/open_model.ts';
import { toFloat64 } from '../../model/tensor.ts';
import { blockWeights } from '../../model/weights.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { type LoadedBlock, loadBlock, MODEL_HELP, type ModelOptions, withModelOptions } from '../model.ts';
import { parseGroup, parsePair } from '../options.ts';
import { type Column, number, printable, sections, table } from '../render.ts';

interface ScaOptions extends CommonOptions, ModelOptions {
  readonly block: string;
  readonly pair?: readonly number[];
  readonly group?: readonly number[];
}

/** Beyond so many, the text leaves out neurons' coordinates and the middle of a long list of components. */
const MAX_NEURON_COLUMNS = 6;
const MAX_ROWS = 24;

export function addSca(program: Command, run: Run): void {
  const command = program
    .command('sca')
    .description('Structural component analysis: the components of the joint input-output weights of neurons.')
    .argument('<model>', MODEL_HELP)
    .requiredOption('--block <name>', 'the block, as "herm inspect" names it')
    .addOption(new Option('--pair <i,j>', 'two neurons').argParser(parsePair).conflicts('group'))
    .addOption(new Option('--group <list>', 'any neurons, "3,17,20"; default: the whole layer').argParser(parseGroup));
  withCommonOptions(withModelOptions(command), [
    'herm sca model.safetensors --block fc1 --pair 3,17',
    'herm sca model.safetensors --block fc1 --group 3,17,20',
    'herm sca model.safetensors --block fc1',
  ]).action((path: string, options: ScaOptions) => run(options, (context) => sca(path, options, context)));
}

async function sca(path: string, options: ScaOptions, { signal, progress }: Context): Promise<Outcome> {
  return withModel(path, async (model) => {
    const loaded = await loadBlock(model, options.block, options);
    const { block, lookup } = loaded;
    const members = options.pair ?? options.group;
    const result = await progress('analysing', (onProgress) =>
      members === undefined
        ? scaLayer(block, blockWeights(block, lookup), { signal, onProgress })
        : scaGroup(neuronsOf(loaded, members), { signal, onProgress }),
    );
    return { json: toJson(block, members, result), text: render(block, members, result) };
  });
}

/** @throws HermError `BAD_ARGUMENT` for a neuron that the block does not have. */
function neuronsOf({ block, lookup }: LoadedBlock, members: readonly number[]): Neuron[] {
  const numbers = (tensor: string | undefined) => (tensor === undefined ? undefined : toFloat64(lookup(tensor)));
  const lanes = (ref: WeightRef) => {
    const values = toFloat64(lookup(ref.tensor));
    return (neuron: number) => lane(ref, values, neuron);
  };
  const [input, output, gate] = [lanes(block.input), lanes(block.output), block.gate && lanes(block.gate.weight)];
  const [bias, gateBias] = [numbers(block.bias), numbers(block.gate?.bias)];
  return members.map((neuron) => {
    if (neuron >= block.neurons) {
      const why = `Block ${block.name} has neurons 0 to ${block.neurons - 1}, not ${neuron}.`;
      throw new HermError('BAD_ARGUMENT', why, { block: block.name, neuron });
    }
    const plain = { input: input(neuron), bias: bias?.[neuron], output: output(neuron) };
    return gate ? { ...plain, gate: gate(neuron), gateBias: gateBias?.[neuron] } : plain;
  });
}

/** Row or column `neuron` of a weight. */
function lane({ rows, cols, transposed }: WeightRef, values: Float64Array, neuron: number): Float64Array {
  if (!transposed) return values.subarray(neuron * cols, (neuron + 1) * cols);
  return Float64Array.from({ length: rows }, (_, row) => values[row * cols + neuron]!);
}

function toJson(block: Block, members: readonly number[] | undefined, result: Sca): object {
  const { rank, inputs, width } = result;
  const summary = {
    block: block.name,
    neurons: members ?? 'all',
    rank,
    shares: [...result.shares],
    angles: [...result.angles],
  };
  if (members === undefined) return summary;
  return {
    ...summary,
    inputs,
    basis: rowsOf(result.basis, rank, width),
    coordinates: rowsOf(result.coordinates, members.length, rank),
  };
}

function rowsOf(values: Float64Array, rows: number, cols: number): number[][] {
  return Array.from({ length: rows }, (_, row) => [...values.subarray(row * cols, (row + 1) * cols)]);
}

const right = (title: string): Column => ({ title, align: 'right' });

function render(block: Block, members: readonly number[] | undefined, result: Sca): string {
  const { rank, shares, angles, coordinates } = result;
  const who = members === undefined ? `all ${block.neurons} neurons` : `neurons ${members.join(', ')}`;
  const named = members !== undefined && members.length <= MAX_NEURON_COLUMNS ? members : [];
  const rows = Array.from({ length: rank }, (_, k) => [
    String(k + 1),
    shares[k]!.toFixed(4),
    (1 - shares[k]!).toFixed(4),
    `${((angles[k]! * 180) / Math.PI).toFixed(2)}°`,
    ...named.map((_, i) => number(coordinates[i * rank + k]!)),
  ]);
  const columns = ['component', 'input share', 'output share', 'angle', ...named.map((neuron) => `neuron ${neuron}`)];
  return sections(
    `Block ${printable(block.name)}, ${who}: ${rank} ${rank === 1 ? 'component' : 'components'}.`,
    rank === 0 ? 'All weights are zero.' : table(columns.map(right), shorten(rows)),
  );
}

function shorten(rows: readonly string[][]): readonly string[][] {
  if (rows.length <= MAX_ROWS) return rows;
  const half = MAX_ROWS / 2;
  return [...rows.slice(0, half), rows[0]!.map(() => '…'), ...rows.slice(-half)];
}
