import { type Damage, describePart } from '../file/damage.ts';
import { table } from './render.ts';

/** Damaged parts and where they lie, one line each. */
export function damageTable(damage: readonly Damage[]): string {
  const columns = [
    { title: 'damaged part' },
    { title: 'from byte', align: 'right' },
    { title: 'up to', align: 'right' },
  ] as const;
  const rows = damage.map((part) => [describePart(part), String(part.begin), String(part.end)]);
  return table(columns, rows);
}
