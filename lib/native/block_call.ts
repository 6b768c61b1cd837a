import { HermError } from '../errors.ts';
import type { Block } from '../model/block.ts';
import { quoteName } from '../model/messages.ts';
import type { Addon, NativeJob } from './binding.ts';
import { type CallOptions, callNative } from './call.ts';

/** {@link callNative} on a block's weights: a kernel knows which of them are not finite, but not of which block. */
export async function callOnBlock<T>(
  { name }: Block,
  options: CallOptions | undefined,
  call: (addon: Addon, job: NativeJob) => Promise<T>,
): Promise<T> {
  try {
    return await callNative(options, call);
  } catch (cause) {
    if (!(cause instanceof HermError) || cause.code !== 'NON_FINITE') throw cause;
    throw new HermError('NON_FINITE', `Block ${quoteName(name)}: ${cause.message}.`, { block: name }, { cause });
  }
}
