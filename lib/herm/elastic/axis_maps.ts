import type { HermContent } from '../../file/content.ts';
import type { Axis } from '../../file/layout.ts';
import type { KernelOptions } from '../exact_matrix.ts';
import type { MergeTree } from '../tree.ts';
import { copiesOf } from './copies.ts';
import { type AxisMap, type MapScale, rootMap } from './root_map.ts';

/** The sparse maps of a file's blocks at some widths [blocks], each made once. */
export class AxisMaps {
  readonly #content: HermContent;
  readonly #widths: readonly number[];
  readonly #scale: MapScale;
  readonly #options: KernelOptions;
  readonly #trees = new Map<number, Promise<MergeTree>>();
  readonly #copies = new Map<number, Promise<Uint32Array | undefined>>();
  readonly #maps = new Map<string, Promise<AxisMap>>();

  constructor(content: HermContent, widths: readonly number[], scale: MapScale, options: KernelOptions) {
    this.#content = content;
    this.#options = options;
    this.#widths = widths;
    this.#scale = scale;
  }

  /** @throws HermError as reading the file does. */
  of(axis: Axis): Promise<AxisMap> {
    const key = `${axis.block} ${axis.side}`;
    const known = this.#maps.get(key) ?? this.#make(axis);
    this.#maps.set(key, known);
    return known;
  }

  async #make({ block, side }: Axis): Promise<AxisMap> {
    const tree = this.#trees.get(block) ?? this.#content.tree(block);
    this.#trees.set(block, tree);
    const width = this.#widths[block]!;
    if (side === 'output') return rootMap(await tree, width, side, this.#scale);
    const copies = this.#copies.get(block) ?? copiesOf(this.#content, block, await tree, width, this.#options);
    this.#copies.set(block, copies);
    return rootMap(await tree, width, side, this.#scale, await copies);
  }
}
