/** Slots in which no neuron lives, counted and found by rank: a tree of counts (Fenwick). */
export class FreeSlots {
  readonly #counts: Uint32Array;
  #total: number;

  /** All slots are free. */
  constructor(slots: number) {
    this.#counts = Uint32Array.from({ length: slots + 1 }, (_, k) => k & -k);
    this.#total = slots;
  }

  get total(): number {
    return this.#total;
  }

  take(slot: number): void {
    this.#total--;
    for (let k = slot + 1; k < this.#counts.length; k += k & -k) this.#counts[k]! -= 1;
  }

  /** Free slots below this one. */
  below(slot: number): number {
    let count = 0;
    for (let k = slot; k > 0; k -= k & -k) count += this.#counts[k]!;
    return count;
  }

  /** The free slot that has `rank` others below it; there must be one. */
  at(rank: number): number {
    let slot = 0;
    let rest = rank;
    for (let step = 2 ** 24; step > 0; step = Math.floor(step / 2)) {
      const count = this.#counts[slot + step];
      if (count === undefined || count > rest) continue;
      slot += step;
      rest -= count;
    }
    return slot;
  }
}
