/** Results of asynchronous work by number: made once, shared by concurrent calls, forgotten when the work fails. */
export class Memo<T> {
  readonly #made = new Map<number, Promise<T>>();

  get(key: number, make: () => Promise<T>): Promise<T> {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#made.set(key, made);
    made.catch(() => this.#made.delete(key));
    return made;
  }

  peek(key: number): Promise<T> | undefined {
    return this.#made.get(key);
  }
}
