import type { PictureData } from '../page_data.ts';
import { type BlockModel, floatsOf, int8Of, type PlacedNode } from './block_model.ts';
import type { Theme } from './colours.ts';

/** Input weights of all nodes as pictures, made of those of the neurons below when they are asked for. */
export class Pictures {
  readonly #data: PictureData;
  readonly #model: BlockModel;
  readonly #pixels: Int8Array;
  readonly #scales: Float32Array;
  readonly #alpha: Float32Array;

  constructor(data: PictureData, model: BlockModel) {
    this.#data = data;
    this.#model = model;
    this.#pixels = int8Of(data.pixels);
    this.#scales = floatsOf(data.scales);
    this.#alpha = floatsOf(data.alpha);
  }

  /** A node's weights [height·width]. */
  weightsOf(node: PlacedNode): Float32Array {
    const size = this.#data.width * this.#data.height;
    const sum = new Float32Array(size);
    const stack: (readonly [PlacedNode, number])[] = [[node, 1]];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const [below, factor] = next;
      const t = this.#model.mergeOf(below);
      if (t >= 0) {
        for (const [k, child] of this.#model.pairOf(t).entries()) {
          const share = factor * this.#alpha[2 * t + k]!;
          if (share !== 0) stack.push([child, share]);
        }
        continue;
      }
      const step = (factor * this.#scales[below.data]!) / 127;
      const start = below.data * size;
      for (let at = 0; at < size; at++) sum[at]! += step * this.#pixels[start + at]!;
    }
    return sum;
  }

  /** A picture in which the largest weight of either sign has full colour. */
  draw(node: PlacedNode, theme: Theme, label: string): HTMLCanvasElement {
    const { width, height } = this.#data;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    canvas.className = 'picture';
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `Input weights of ${label}`);
    const context = canvas.getContext('2d')!;
    const image = context.createImageData(width, height);
    const values = this.weightsOf(node);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    for (const [at, value] of values.entries()) {
      const [red = 0, green = 0, blue = 0] = (theme.signs(value / largest).match(/\d+/g) ?? []).map(Number);
      image.data.set([red, green, blue, 255], 4 * at);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }
}
