import type { WrittenConfig } from '../herm/expand.ts';
import { printable } from './render.ts';

/** Whether a directory that was written loads. */
export function describeConfig(config: WrittenConfig | undefined): string {
  if (config === undefined) return '';
  const { changes, refusal } = config;
  if (refusal !== undefined)
    return `config.json is as it was, and no loader takes these widths: ${printable(refusal)}.`;
  return changes.length === 0 ? 'config.json is as it was.' : `config.json: ${configChanges(config)}.`;
}

/** `intermediate_size 16 > 24`, … */
export function configChanges({ changes }: WrittenConfig): string {
  return changes.map(({ key, from, to }) => `${printable(key)} ${from} > ${to}`).join(', ');
}
