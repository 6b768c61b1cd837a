import { HermError } from '../../errors.ts';
import { quoteName } from '../../model/messages.ts';
import { readModelTensor } from '../../model/model.ts';
import { openModel } from '../../model/open_model.ts';
import type { Tensor } from '../../model/tensor.ts';

/** A tuned skeleton, or the change of one: a path to it in any form that a model may have, or its tensors. */
export type TunedInput = string | readonly Tensor[];

/** Tensors that are read when they are asked for. */
export interface Tuned {
  /** What messages call it. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, Pick<Tensor, 'name' | 'dtype' | 'shape'>>;
  /** @throws HermError `IO` */
  read(name: string): Promise<Tensor>;
  close(): Promise<void>;
}

/** @throws HermError as opening a model does. */
export async function openTuned(input: TunedInput): Promise<Tuned> {
  if (typeof input !== 'string') {
    if (!Array.isArray(input))
      throw new HermError('BAD_ARGUMENT', 'A tuned model must be a path, or an array of tensors.');
    const tensors = new Map(input.map((tensor) => [tensor.name, tensor]));
    return { name: 'the tuned model', tensors, read: async (name) => tensors.get(name)!, close: async () => {} };
  }
  const { model, close } = await openModel(input);
  const tensors = new Map(model.tensors.map((info) => [info.name, info]));
  return { name: input, tensors, read: (name) => readModelTensor(model, tensors.get(name)!), close };
}

/** The HermError `TUNED_TENSOR`; `why` continues a sentence that starts with the tensor's name. */
export function tunedError(tuned: Pick<Tuned, 'name'>, tensor: string, why: string, details: object = {}): HermError {
  return new HermError('TUNED_TENSOR', `Tensor ${quoteName(tensor)} of ${tuned.name} ${why}.`, {
    file: tuned.name,
    tensor,
    ...details,
  });
}
