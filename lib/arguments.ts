import { HermError } from './errors.ts';

// What TypeScript says at compile time, for callers without it; and what no type says, that a buffer has gone elsewhere.

type NumberArray = Float32ArrayConstructor | Float64ArrayConstructor | Uint8ArrayConstructor | Uint32ArrayConstructor;

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

type Check = readonly [what: string, holds: (value: unknown) => boolean];

/** What the arguments of these names must be: as much as keeps a call from failing on a member that is not there. */
const KINDS = {
  block: ['a block as findBlocks finds it', (it) => areNumbers(it, 'neurons', 'inputs', 'outputs') && hasWeights(it)],
  blocks: ['an array', Array.isArray],
  candidates: ['an array of matrices with their condition numbers', Array.isArray],
  file: ['an open .herm file (openHerm)', (it) => has(it, 'function', 'skeleton') && has(it, 'object', 'ladder')],
  forest: ['what forestOf makes', (it) => areNumbers(it, 'neurons', 'merges') && has(it, 'object', 'children', 'last')],
  header: ['a model header (readSafetensorsHeader)', (it) => has(it, 'object', 'tensors', 'metadata')],
  info: ["one of a header's tensors", (it) => areNumbers(it, 'begin', 'end')],
  layers: ['an array of layers (mlpLayers)', Array.isArray],
  lookup: ['a function from names to tensors (lookupIn)', (it) => typeof it === 'function'],
  matrix: ['a matrix (nativeMatrix)', (it) => areNumbers(it, 'rows', 'cols') && has(it, 'object', 'data')],
  metadata: ['a Map from names to texts', (it) => it === undefined || it instanceof Map],
  name: ['text', (it) => typeof it === 'string'],
  neuron: ['a neuron with input and output weights', hasWeights],
  neurons: ['an array', (it) => areNumbers(it, 'length')],
  options: ['an object', (it) => it === undefined || (typeof it === 'object' && it !== null)],
  range: ['an object with neurons and smallest', (it) => areNumbers(it, 'neurons', 'smallest')],
  shape: ['an array of sizes', Array.isArray],
  skeleton: ['a skeleton with its tensors', (it) => has(it, 'object', 'tensors')],
  source: ['an open source (fileSource, bufferSource)', (it) => has(it, 'function', 'read') && areNumbers(it, 'size')],
  tensor: ['a tensor with name, dtype, shape and data', (it) => has(it, 'object', 'shape', 'data')],
  tensors: ['tensors', (it) => typeof it === 'object' && it !== null && Symbol.iterator in it],
  tree: [
    'a hierarchy (buildTree, HermFile.tree)',
    (it) => areNumbers(it, 'neurons', 'merges') && has(it, 'object', 'pairs', 'cost'),
  ],
  values: ['an array of numbers', (it) => areNumbers(it, 'length')],
  weights: ['the weights of a block (blockWeights)', hasWeights],
  widths: ['an array of whole numbers', (it) => areNumbers(it, 'length')],
} as const satisfies Record<string, Check>;

/**
 * @param given arguments by the names that messages call them by
 * @throws HermError `BAD_ARGUMENT` for one that is nothing like it; of options also where `onProgress` is no function
 */
export function requireArguments(given: { readonly [Name in keyof typeof KINDS]?: unknown }): void {
  for (const [name, value] of Object.entries(given)) {
    const [what, holds] = KINDS[name as keyof typeof KINDS];
    if (!holds(value)) throw new HermError('BAD_ARGUMENT', `${name} must be ${what}.`, { option: name });
  }
  const { onProgress } = (given.options ?? {}) as { readonly onProgress?: unknown };
  if (onProgress === undefined || onProgress === null || typeof onProgress === 'function') return;
  throw new HermError('BAD_ARGUMENT', 'onProgress must be a function.', { option: 'onProgress' });
}

/** Whether an object has these members, all of one type. */
function has(value: unknown, type: 'object' | 'function' | 'number', ...names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    return typeof member === type && member !== null;
  });
}

function areNumbers(value: unknown, ...names: readonly string[]): boolean {
  return has(value, 'number', ...names);
}

/** Of a block and of its weights alike. */
function hasWeights(value: unknown): boolean {
  return has(value, 'object', 'input', 'output');
}

/** Node.js 20 has no `detached` yet. */
function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    return new Uint8Array(buffer).byteLength > 0;
  } catch {
    return true;
  }
}
