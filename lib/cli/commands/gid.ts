import { type Command, Option } from 'commander';
import { type GateSpectrum, gateSpectrum, gidPair, type NeuronGid } from '../../analysis/gid.ts';
import { buildLadder } from '../../herm/ladder.ts';
import type { Block } from '../../model/block.ts';
import { withModel } from '../../model/open_model.ts';
import { blockWeights } from '../../model/weights.ts';
import { type CommonOptions, type Context, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { loadBlock, MODEL_HELP, type ModelOptions, withModelOptions } from '../model.ts';
import { parsePair } from '../options.ts';
import { type Column, number, percent, printable, sections, table } from '../render.ts';

interface GidOptions extends CommonOptions, ModelOptions {
  readonly block: string;
  readonly pair?: readonly number[];
}

export function addGid(program: Command, run: Run): void {
  const command = program
    .command('gid')
    .description('Gated interaction decomposition of a pair of neurons, or the gate spectrum of a whole layer.')
    .argument('<model>', MODEL_HELP)
    .requiredOption('--block <name>', 'the block, as "herm inspect" names it')
    .addOption(new Option('--pair <i,j>', 'two neurons; default: the spectrum of the layer').argParser(parsePair));
  withCommonOptions(withModelOptions(command), [
    'herm gid model.safetensors --block fc1 --pair 3,17',
    'herm gid model.safetensors --block fc1',
  ]).action((path: string, options: GidOptions) => run(options, (context) => gid(path, options, context)));
}

async function gid(path: string, options: GidOptions, { signal, progress }: Context): Promise<Outcome> {
  return withModel(path, async (model) => {
    const { block, lookup } = await loadBlock(model, options.block, options);
    const weights = blockWeights(block, lookup);
    const { pair } = options;
    return progress('decomposing', async (onProgress) => {
      const call = { signal, onProgress };
      if (pair === undefined) return spectrumOutcome(block, await gateSpectrum(block, weights, call));
      const [i, j] = pair as [number, number];
      return pairOutcome(block, [i, j], await gidPair(block, weights, i, j, call));
    });
  });
}

const right = (title: string): Column => ({ title, align: 'right' });

function pairOutcome(block: Block, pair: readonly [number, number], result: NeuronGid): Outcome {
  const { rank, gates, inputMixing, outputMixing, kernel, outputGram } = result;
  const rowsOf = (values: Float64Array) => Array.from({ length: rank }, (_, l) => [values[2 * l]!, values[2 * l + 1]!]);
  const energy = gates.reduce((sum, gate) => sum + gate ** 2, 0);
  const [inputs, outputs] = [rowsOf(inputMixing), rowsOf(outputMixing)];
  const rows = inputs.map((mixing, l) => [
    String(l + 1),
    number(gates[l]!),
    `${number((100 * gates[l]! ** 2) / energy)}%`,
    ...[...mixing, ...outputs[l]!].map(number),
  ]);
  const columns = ['term', 'gate', 'of square', ...pair.map((k) => `input ${k}`), ...pair.map((k) => `output ${k}`)];
  const json = {
    block: block.name,
    pair,
    rank,
    gates: [...gates],
    inputMixing: inputs,
    outputMixing: outputs,
    kernel: [...kernel],
    outputGram: [...outputGram],
  };
  const head = `Block ${printable(block.name)}, neurons ${pair.join(' and ')}: ${rank} ${rank === 1 ? 'term' : 'terms'}.`;
  const none = 'The pair computes nothing: its function is zero.';
  return { json, text: sections(head, rank === 0 ? none : table(columns.map(right), rows), rank === 0 ? '' : MEANING) };
}

const MEANING = `Term l is a⊗ψ with ψ = Σ input_k φ_k and a = Σ output_k v_k; its gate is its size.
One neuron in place of both leaves at least the square of the second gate.`;

function spectrumOutcome(block: Block, { gates, norm, bounds }: GateSpectrum): Outcome {
  const widths = new Set(buildLadder([{ neurons: block.neurons, smallest: 1 }]).map(([width]) => width!));
  const silent = [...widths].findIndex((width) => bounds[width] === 0);
  const rows = [...widths]
    .slice(0, silent + 1)
    .map((width) => [String(width), percent(width / block.neurons), number(gates[width - 1]!), number(bounds[width]!)]);
  const columns = ['neurons', 'kept', 'gate', 'error at least'].map(right);
  return {
    json: { block: block.name, neurons: block.neurons, norm, gates: [...gates], bounds: [...bounds] },
    text: sections(
      `Block ${printable(block.name)}, ${block.neurons} neurons: the least error of any k neurons in their place.`,
      table(columns, rows),
      `The error is relative to ‖f‖ = ${number(norm)}, for x ~ N(0, I); beyond these k the bound says nothing.`,
    ),
  };
}
