/** Which width serves how many requests under way: the first level whose `upTo` is not exceeded. */
export const LEVELS = [
  { width: 1, upTo: 8 },
  { width: 0.5, upTo: 24 },
  { width: 0.25, upTo: Number.POSITIVE_INFINITY },
];

/**
 * Keeps a network's width in step with the load: narrower as soon as more requests are under way than a level takes, wider
 * when no more than half of what the wider level takes are, so that a load near a limit does not switch to and fro.
 */
export class WidthController {
  #net;
  #levels;
  #onError;
  #level = 0;
  #switching = false;
  load = 0;

  constructor(net, levels, onError) {
    this.#net = net;
    this.#levels = levels;
    this.#onError = onError;
  }

  /** One request more (1) or less (-1) is under way. */
  change(by) {
    this.load += by;
    this.#follow();
  }

  #target() {
    const narrow = this.#levels.findIndex(({ upTo }) => this.load <= upTo);
    if (narrow >= this.#level) return narrow;
    const wide = this.#levels.findIndex(({ upTo }) => this.load <= upTo / 2);
    return Math.min(wide, this.#level);
  }

  /** One switch at a time; requests go on meanwhile. */
  async #follow() {
    if (this.#switching) return;
    this.#switching = true;
    try {
      for (let target = this.#target(); target !== this.#level; target = this.#target()) {
        await this.#net.setWidth(this.#levels[target].width);
        this.#level = target;
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#switching = false;
    }
  }
}
