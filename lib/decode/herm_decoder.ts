import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { HermError } from '../errors.ts';
import { allocating } from '../file/allocating.ts';
import { groupLevels } from '../file/groups.ts';
import { interleave } from '../file/interleave.ts';
import { joinTensors } from '../file/joined.ts';
import { type Axis, type BiasLayout, outputWeight, type WeightLayout, weightShape } from '../file/layout.ts';
import type { HermHeader } from '../file/schema.ts';
import type { Container } from './container.ts';
import { floatFormat } from './float_format.ts';
import { type Hierarchy, HierarchyDecoder, type HierarchyForm, type SideName } from './hierarchy.ts';
import { decodeTensor, wordsOf } from './numbers.ts';
import { decodeWords } from './planes.ts';
import { livingNodes, positionsBySlot } from './unfold.ts';
import { decodeWeight, sectionsOf, type WeightAxis } from './weights.ts';

/** A tensor of a network; its bytes are little-endian and row-major, as in safetensors. */
export interface DecodedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A file that the .herm file was made from. */
export interface OriginalFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** What one level of a group adds. */
interface Level {
  /** By number of the block. */
  readonly hierarchies: ReadonlyMap<number, Uint8Array>;
  /** By number of the weight. */
  readonly weights: ReadonlyMap<number, readonly Uint8Array[]>;
}

/** A .herm file, or a beginning of one. Everything is decoded anew by every call. */
export class HermDecoder {
  readonly #container: Container;

  /** Use `openHerm`. */
  constructor(container: Container) {
    this.#container = container;
  }

  /** The header as it is stored: FORMAT.md, section 2. */
  get header(): HermHeader {
    return this.#container.header.json;
  }

  /** Whether all of the file is here. */
  get complete(): boolean {
    return this.#container.complete;
  }

  /** The largest width of each block, by name, that is held; 0 where there is none. */
  get widthsAvailable(): Record<string, number> {
    const { blocks, ladder } = this.header;
    return Object.fromEntries(
      blocks.map(({ name }, block) => {
        const group = this.#groupOf(block);
        const held = this.#levelsOf(group, ladder.length - 1);
        const missing = held.findIndex((index) => !this.#container.holds({ kind: 'level', index, group }));
        const last = missing < 0 ? ladder.length - 1 : held[missing]! - 1;
        return [name, ladder[last]?.[block] ?? 0];
      }),
    );
  }

  /**
   * The network at smaller widths by block name; other blocks stay whole. Neurons are in the order of the original's.
   * Refitted output weights are used where the file has them for exactly these widths, unless `refit` is false.
   *
   * @throws HermError `WIDTH`, `BAD_ARGUMENT`, `HERM_TRUNCATED`, `HERM_CHECKSUM`, `HERM_CORRUPT`, `IO`.
   */
  async skeleton(
    widths: Readonly<Record<string, number>> = {},
    options: { readonly refit?: boolean } = {},
  ): Promise<DecodedTensor[]> {
    const all = this.#widths(widths);
    const same = (refit: { readonly widths: readonly number[] }) => refit.widths.every((width, b) => width === all[b]);
    const refit = options.refit === false ? -1 : this.header.refits.findIndex(same);
    const refitted = refit < 0 ? undefined : await this.#refit(refit, all);
    const tensors: DecodedTensor[] = [];
    for (const [index, { name }] of this.header.tensors.entries()) {
      tensors.push(refitted?.get(name) ?? (await allocating(name, () => this.#tensor(index, all))));
    }
    return joinTensors(this.header, tensors);
  }

  /** The files of the original: those that hold tensors, then those beside them. */
  get files(): readonly OriginalFile[] {
    return [...this.header.files, ...this.header.extras].map(({ name, size, sha256 }) => ({ name, size, sha256 }));
  }

  /**
   * The bytes of a file of the original, in pieces; its name is not needed where there is only one. The last step throws
   * unless all of them together have the digest that the header names.
   *
   * @throws HermError `BAD_ARGUMENT`, `HERM_TRUNCATED`, `DIGEST_MISMATCH`, `HERM_CHECKSUM`, `HERM_CORRUPT`, `IO`.
   */
  async *recover({ file }: { readonly file?: string | undefined } = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const { files } = this;
    const at = file === undefined && files.length === 1 ? 0 : files.findIndex(({ name }) => name === file);
    if (at < 0) {
      const why = `The original has no file ${file}; it has ${files.map(({ name }) => name).join(', ')}.`;
      throw new HermError('BAD_ARGUMENT', why, { file });
    }
    const digest = sha256.create();
    const extra = at - this.header.files.length;
    for await (const bytes of extra < 0 ? this.#original(at) : this.#extra(extra)) {
      digest.update(bytes);
      yield bytes;
    }
    if (bytesToHex(digest.digest()) === files[at]!.sha256) return;
    const { name } = files[at]!;
    throw new HermError('DIGEST_MISMATCH', `What the file gives back is not ${name}: its SHA-256 differs.`);
  }

  async *#original(file: number): AsyncGenerator<Uint8Array, void, undefined> {
    const chunk = await this.#container.chunk({ kind: 'source', index: file });
    const bytes = this.#container.header.sourceBytes[file]!;
    const source = decodeWords(chunk, bytes, { wordBytes: 1, float: false });
    yield* interleave(this.header, file, source, this.#originalTensors(file));
  }

  async *#originalTensors(file: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { blocks, tensors } = this.header;
    const full = blocks.map(({ neurons }) => neurons);
    for (const [index, { name, file: own }] of tensors.entries()) {
      if (own === file) yield (await allocating(name, () => this.#tensor(index, full))).data;
    }
  }

  async *#extra(index: number): AsyncGenerator<Uint8Array, void, undefined> {
    const bytes = await this.#container.chunk({ kind: 'extra', index });
    yield decodeWords(bytes, this.header.extras[index]!.size, { wordBytes: 1, float: false });
  }

  #widths(widths: Readonly<Record<string, number>>): number[] {
    if (typeof widths !== 'object' || widths === null || Array.isArray(widths)) {
      throw new HermError('BAD_ARGUMENT', 'Widths must be numbers by block name.', {});
    }
    const { blocks } = this.header;
    const held = this.widthsAvailable;
    for (const name of Object.keys(widths)) {
      if (!blocks.some((block) => block.name === name)) throw new HermError('WIDTH', `There is no block ${name}.`);
    }
    return blocks.map(({ name, neurons, merges }) => {
      const width = Object.hasOwn(widths, name) ? widths[name]! : neurons;
      const smallest = neurons - merges;
      if (Number.isInteger(width) && width >= smallest && width <= Math.min(neurons, held[name]!)) return width;
      const why = `Block ${name} has widths from ${smallest} to ${neurons}, of which ${held[name]!} are here; not ${width}.`;
      throw new HermError('WIDTH', why, { block: name, width });
    });
  }

  async #tensor(index: number, widths: readonly number[]): Promise<DecodedTensor> {
    const { layout } = this.#container.header;
    const { name, dtype, shape, begin, end } = this.header.tensors[index]!;
    const weight = layout.weights.findIndex((candidate) => candidate.name === name);
    if (weight >= 0) {
      const data = await this.#weight(weight, widths);
      return { name, dtype, shape: weightShape(layout.weights[weight]!, widths), data };
    }
    const biases = [...layout.biases, ...layout.gates.map((gate) => gate?.bias)];
    const bias = biases.find((candidate) => candidate?.name === name);
    if (bias) return { name, dtype, shape: [widths[bias.block]!], data: await this.#bias(bias, widths[bias.block]!) };
    const chunk = await this.#container.chunk({ kind: 'flat', index });
    return { name, dtype, shape, data: decodeTensor(chunk, dtype, shape, end - begin) };
  }

  async #weight(index: number, widths: readonly number[]): Promise<Uint8Array> {
    const { layout, shifts } = this.#container.header;
    const weight = layout.weights[index]!;
    const axes = [weight.rowAxis, weight.colAxis].filter((axis) => axis !== undefined);
    const group = this.#groupOf(axes[0]!.block);
    const levels = this.#levelsOf(group, this.#levelOf(axes, widths));
    const contents = await Promise.all(levels.map((level) => this.#level(group, level)));
    const axisOf = (axis: Axis | undefined): WeightAxis | undefined => {
      if (axis === undefined) return undefined;
      const reach = levels.map((level) => this.header.ladder[level]![axis.block]!);
      const hierarchy = this.#hierarchy(axis.block, reach, contents);
      return { hierarchy, side: hierarchy.sides[axis.side]!, reach, width: widths[axis.block]! };
    };
    return decodeWeight({
      format: floatFormat(weight.dtype),
      shift: shifts[index]!,
      rows: weight.rows,
      cols: weight.cols,
      rowAxis: axisOf(weight.rowAxis),
      colAxis: axisOf(weight.colAxis),
      sections: contents.map((content) => content.weights.get(index)!),
    });
  }

  async #bias({ block, side, dtype }: BiasLayout, width: number): Promise<Uint8Array> {
    const group = this.#groupOf(block);
    const levels = this.#levelsOf(group, this.#levelOf([{ block }], { [block]: width }));
    const contents = await Promise.all(levels.map((level) => this.#level(group, level)));
    const reach = levels.map((level) => this.header.ladder[level]![block]!);
    const hierarchy = this.#hierarchy(block, reach, contents);
    const nodes = livingNodes(hierarchy, width);
    const values = hierarchy.biases[side]!;
    const ordered = positionsBySlot(hierarchy, width).map((position) => values[nodes[position]!]!);
    return wordsOf(floatFormat(dtype), [Float64Array.from(ordered)]);
  }

  /** Refitted output weights by name. */
  async #refit(index: number, widths: readonly number[]): Promise<Map<string, DecodedTensor>> {
    const { layout } = this.#container.header;
    const tensors = new Map<string, DecodedTensor>();
    for (const [group, { blocks }] of layout.groups.entries()) {
      const sections = await this.#container.sections({ kind: 'refit', index, group }, blocks.length);
      for (const [at, block] of blocks.entries()) {
        const weight = outputWeight(layout, block);
        const { name, dtype } = weight;
        const shape = weightShape(weight, widths);
        const bytes = shape[0] * shape[1] * floatFormat(dtype).bytes;
        tensors.set(name, { name, dtype, shape, data: decodeTensor(sections[at]!, dtype, shape, bytes) });
      }
    }
    return tensors;
  }

  #groupOf(block: number): number {
    return this.#container.header.layout.groups.findIndex(({ blocks }) => blocks.includes(block));
  }

  /** The levels of a group down to one. */
  #levelsOf(group: number, last: number): number[] {
    const levels = groupLevels(this.header.ladder, this.#container.header.layout.groups[group]!);
    return levels.filter((level) => level <= last);
  }

  /** The first level that reaches the widths of some blocks. */
  #levelOf(axes: readonly { readonly block: number }[], widths: Readonly<Record<number, number>>): number {
    return this.header.ladder.findIndex((level) => axes.every(({ block }) => level[block]! >= widths[block]!));
  }

  async #level(group: number, index: number): Promise<Level> {
    const { layout } = this.#container.header;
    const { blocks, weights } = layout.groups[group]!;
    const counts = weights.map((weight) => sectionCount(layout.weights[weight]!));
    const total = counts.reduce((sum, count) => sum + count, blocks.length);
    const sections = await this.#container.sections({ kind: 'level', index, group }, total);
    const hierarchies = new Map(blocks.map((block) => [block, sections.shift()!]));
    return { hierarchies, weights: new Map(weights.map((weight, at) => [weight, sections.splice(0, counts[at]!)])) };
  }

  #hierarchy(block: number, reach: readonly number[], levels: readonly Level[]): Hierarchy {
    const decoder = new HierarchyDecoder(this.#form(block));
    for (const [at, { hierarchies }] of levels.entries()) {
      const section = hierarchies.get(block)!;
      if (at === 0) decoder.readRoots(section);
      else decoder.readInstructions(section, reach[at]! - reach[at - 1]!);
    }
    return decoder.hierarchy;
  }

  #form(block: number): HierarchyForm {
    const { layout } = this.#container.header;
    const { neurons, merges } = this.header.blocks[block]!;
    const sides = new Map(
      layout.weights.flatMap(({ rowAxis, colAxis, dtype }) =>
        [rowAxis, colAxis].flatMap((axis) => (axis?.block === block ? [[axis.side, floatFormat(dtype)] as const] : [])),
      ),
    );
    const biases = { input: layout.biases[block], gate: layout.gates[block]?.bias };
    const order: SideName[] = ['input', 'output', 'gate'];
    return {
      neurons,
      roots: neurons - merges,
      sides: Object.fromEntries(order.flatMap((side) => (sides.has(side) ? [[side, sides.get(side)!]] : []))),
      biases: Object.fromEntries(
        Object.entries(biases).flatMap(([side, bias]) => (bias ? [[side, floatFormat(bias.dtype)]] : [])),
      ),
    };
  }
}

function sectionCount({ rowAxis, colAxis, rows, cols }: WeightLayout): number {
  return sectionsOf(rowAxis !== undefined, colAxis !== undefined, rows, cols);
}
