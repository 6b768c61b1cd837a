import { HermError } from './errors.ts';

// What TypeScript says at compile time, for callers without it; and what no type says, that a buffer has gone elsewhere.

type NumberArray = Float32ArrayConstructor | Float64ArrayConstructor | Uint8ArrayConstructor;

/**
 * @param name of the argument or option
 * @throws HermError `BAD_ARGUMENT` unless `value` is an array of one of these types, and still has its buffer
 */
export function requireArray(name: string, value: unknown, ...types: readonly NumberArray[]): void {
  if (!types.some((type) => value instanceof type)) {
    const kinds = types.map((type) => `a ${type.name}`).join(' or ');
    throw new HermError('BAD_ARGUMENT', `${name} must be ${kinds}.`, { option: name });
  }
  requireBuffer(name, (value as ArrayBufferView).buffer);
}

/** @throws HermError `BAD_ARGUMENT` for a buffer that was transferred: it looks like an empty one. */
export function requireBuffer(name: string, buffer: ArrayBufferLike): void {
  if (buffer.byteLength > 0 || !isDetached(buffer)) return;
  const why = `The buffer of ${name} was transferred, as to a worker: nothing is left in it. Pass a copy there.`;
  throw new HermError('BAD_ARGUMENT', why, { option: name });
}

/** @throws HermError `BAD_ARGUMENT` unless `value` is an array of whatever `items` says, or undefined. */
export function requireList(name: string, value: unknown, items: string): void {
  if (value === undefined || Array.isArray(value)) return;
  throw new HermError('BAD_ARGUMENT', `${name} must be an array of ${items}.`, { option: name });
}

/** Node.js 20 has no `detached` yet. */
function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    return new Uint8Array(buffer).byteLength > 0;
  } catch {
    return true;
  }
}
