import type { Block } from '../block.ts';
import { contradiction } from '../config.ts';
import type { KnownBlock } from './known.ts';

/**
 * Holds the sizes of a block against the configuration that names its architecture. Keys that are missing or null, for
 * which loaders have a default, say nothing.
 *
 * @throws HermError `CONFIG`
 */
export function checkConfig({ entries, config, confirmed }: KnownBlock, block: Omit<Block, 'activation'>): void {
  if (config === undefined || !confirmed) return;
  const { neurons, inputs, outputs, input, output } = block;
  const check = (key: string | undefined, size: number, tensor: string, what: string) => {
    const value = key === undefined ? undefined : config.settings[key];
    if (typeof value !== 'number' || value === size) return;
    throw contradiction(config, key!, value, tensor, `has ${size} ${what}`);
  };
  const [{ width, hidden }] = entries;
  check(width, neurons, input.tensor, 'neurons');
  check(hidden, inputs, input.tensor, 'inputs');
  check(hidden, outputs, output.tensor, 'outputs');
}
