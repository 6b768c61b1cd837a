import type { HermContent } from '../../file/content.ts';
import type { Axis } from '../../file/layout.ts';
import type { MergeTree } from '../tree.ts';
import { type AxisMap, type MapScale, rootMap } from './root_map.ts';

/** The sparse maps of a file's blocks at some widths [blocks], each made once. */
export class AxisMaps {
  readonly #content: HermContent;
  readonly #widths: readonly number[];
  readonly #scale: MapScale;
  readonly #trees = new Map<number, Promise<MergeTree>>();
  readonly #maps = new Map<string, Promise<AxisMap>>();

  constructor(content: HermContent, widths: readonly number[], scale: MapScale) {
    this.#content = content;
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
    return rootMap(await tree, this.#widths[block]!, side, this.#scale);
  }
}
