import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { HermContent } from '../file/content.ts';
import { wholeTensors } from '../file/joined.ts';
import { concat } from '../model/concat.ts';
import { quoteName } from '../model/messages.ts';
import type { Tensor } from '../model/tensor.ts';
import { type CallOptions, throwIfAborted } from '../native/call.ts';

/**
 * Some of the original's tensors, by name; a part of a fused one by the name that a block has for it.
 *
 * @throws HermError `BAD_ARGUMENT` for a name that the file does not have, `HERM_TRUNCATED` for a prefix, or as reading does.
 */
export async function readTensors(
  content: HermContent,
  names: readonly string[],
  options: CallOptions = {},
): Promise<Tensor[]> {
  requireArguments({ options });
  if (!Array.isArray(names)) throw new HermError('BAD_ARGUMENT', 'The names of tensors must be an array.');
  content.requireComplete('reading its tensors');
  const { json, blocks } = content.header;
  const full = blocks.map(({ neurons }) => neurons);
  const whole = new Map(wholeTensors(json).map((tensor) => [tensor.name, tensor]));
  const parts = new Map(json.tensors.map(({ name }, index) => [name, index]));
  const kernel = { signal: options.signal, threads: options.threads };
  const tensors: Tensor[] = [];
  for (const name of names) {
    throwIfAborted(options.signal);
    const joined = whole.get(name);
    const indices = joined?.parts ?? (parts.has(name) ? [parts.get(name)!] : []);
    if (indices.length === 0) {
      throw new HermError('BAD_ARGUMENT', `${content.file} has no tensor ${quoteName(name)}.`, { tensor: name });
    }
    const members: Tensor[] = [];
    for (const index of indices) members.push(await content.tensor(index, full, kernel));
    const { dtype, shape } = joined ?? members[0]!;
    tensors.push(members.length === 1 ? members[0]! : { name, dtype, shape, data: concat(members.map((m) => m.data)) });
    options.onProgress?.(tensors.length / names.length);
  }
  return tensors;
}
