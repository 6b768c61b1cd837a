import type { FeedForward } from './feed_forward.ts';

/** A place in a model where the names of a feed-forward block stand. */
export interface Match {
  readonly entry: FeedForward;
  /** What stands in front of a name within the layer, with a dot behind it: `model.layers.3.`. */
  readonly layer: string;
  /** The numbers behind the layer's own: which expert. */
  readonly numbers: readonly string[];
}

export const WEIGHT = '.weight';

/** Looks for the names of some feed-forward blocks. */
export class Matcher {
  readonly #byEnding = new Map<string, { entry: FeedForward; pattern: RegExp }[]>();

  constructor(entries: readonly FeedForward[], part: (entry: FeedForward) => string) {
    for (const entry of entries) {
      for (const layers of entry.layers) {
        const pattern = new RegExp(`^((?:.*\\.)?${asPattern(layers)}\\.)${asPattern(part(entry), true)}$`, 's');
        const ending = endingOf(part(entry));
        this.#byEnding.set(ending, [...(this.#byEnding.get(ending) ?? []), { entry, pattern }]);
      }
    }
  }

  /** Where a linear of this name stands, one match an entry that has it. */
  match(linear: string): Match[] {
    return (this.#byEnding.get(endingOf(linear)) ?? []).flatMap(({ entry, pattern }) => {
      const found = pattern.exec(linear);
      return found === null ? [] : [{ entry, layer: found[1]!, numbers: found.slice(2) }];
    });
  }
}

/** A name within the layer of a match. */
export function nameIn({ layer, numbers }: Omit<Match, 'entry'>, part: string): string {
  let next = 0;
  return layer + part.replace(/#/g, () => numbers[next++] ?? '#');
}

function endingOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function asPattern(name: string, capture = false): string {
  return name.replace(/[.]/g, '\\.').replace(/#/g, capture ? '(\\d+)' : '\\d+');
}
