import { HermError } from '../errors.ts';
import type { SideUnfolding, Unfolding } from '../herm/unfolding.ts';
import { concat } from '../model/concat.ts';
import { type DType, dtypeBytes } from '../model/tensor.ts';
import { type HierarchyArgs, NATIVE_DTYPES } from '../native/binding.ts';
import { callNative } from '../native/call.ts';
import { type CodecOptions, naming } from './codec.ts';
import type { Layout } from './layout.ts';

/** The number formats of a block's tensors; undefined where it has none such. */
export interface HierarchyForm {
  readonly input: DType;
  readonly output: DType;
  readonly gate: DType | undefined;
  readonly biases: DType | undefined;
  readonly gateBiases: DType | undefined;
}

export function hierarchyForm({ weights, biases, gates }: Layout, block: number): HierarchyForm {
  const dtypes = new Map<string, DType>();
  for (const { dtype, rowAxis, colAxis } of weights) {
    for (const axis of [rowAxis, colAxis]) if (axis?.block === block) dtypes.set(axis.side, dtype);
  }
  return {
    input: dtypes.get('input')!,
    output: dtypes.get('output')!,
    gate: dtypes.get('gate'),
    biases: biases[block]?.dtype,
    gateBiases: gates[block]?.bias?.dtype,
  };
}

/** Most hierarchies take less a node. */
const NODE_BYTES = 16;

/**
 * What each level adds to a hierarchy, as bytes.
 *
 * @param widths [levels] from the number of roots to that of the neurons.
 * @throws HermError `NON_FINITE` for a bias.
 */
export async function encodeHierarchy(
  unfolding: Unfolding,
  form: HierarchyForm,
  widths: readonly number[],
  options: CodecOptions,
): Promise<Uint8Array[]> {
  const args = hierarchyArgs(unfolding, form, widths);
  let out = new Uint8Array(NODE_BYTES * (unfolding.slots.length + widths.length));
  const encode = () => callNative(options, (native, job) => native.encodeHierarchy({ ...args, out }, job));
  const size = await encode();
  if (size > out.byteLength) {
    out = new Uint8Array(size);
    await encode();
  }
  let end = 0;
  return Array.from(args.sizes, (bytes) => {
    end += bytes;
    return out.slice(end - bytes, end);
  });
}

/**
 * More instructions than this, and one a root, are in no byte. A slot j costs a bit or more, unless it is the last free
 * one above slot i; that happens once for each slot i, which was a root's or cost such a bit itself.
 */
const INSTRUCTIONS_A_BYTE = 32;

/**
 * The hierarchy down to the last of the given levels, which are all from the first one on.
 *
 * @param streams [levels]
 * @param neurons of the block.
 * @param widths [levels]
 * @param subject names the hierarchy in messages.
 * @throws HermError `HERM_CORRUPT` where the streams are no hierarchy.
 */
export async function decodeHierarchy(
  streams: readonly Uint8Array[],
  neurons: number,
  widths: readonly number[],
  form: HierarchyForm,
  subject: string,
): Promise<Unfolding> {
  const data = concat(streams);
  const [roots, width] = [widths[0]!, widths.at(-1)!];
  if (width > 2 * roots + INSTRUCTIONS_A_BYTE * data.byteLength) {
    const why = `${subject} is corrupt: ${data.byteLength} bytes cannot hold ${width - roots} instructions.`;
    throw new HermError('HERM_CORRUPT', why);
  }
  const unfolding = emptyUnfolding(neurons, roots, width, form);
  const args = hierarchyArgs(unfolding, form, widths);
  args.sizes.set(streams.map(({ byteLength }) => byteLength));
  await naming(subject, () => callNative({}, (native, job) => native.decodeHierarchy({ ...args, data }, job)));
  return unfolding;
}

function emptyUnfolding(neurons: number, roots: number, width: number, form: HierarchyForm): Unfolding {
  const instructions = width - roots;
  const nodes = roots + 2 * instructions;
  const side = (): SideUnfolding => ({
    coefficients: new Uint16Array(2 * instructions),
    followed: new Uint8Array(instructions),
    floors: new Uint16Array(nodes),
    gains: new Float32Array(nodes),
  });
  const numbers = (dtype: DType | undefined) => new Uint8Array(dtype === undefined ? 0 : nodes * dtypeBytes(dtype));
  return {
    neurons,
    roots,
    instructions,
    slots: new Uint32Array(nodes),
    leaf: new Uint8Array(nodes),
    biases: numbers(form.biases),
    gateBiases: numbers(form.gateBiases),
    costs: new Float32Array(instructions),
    input: side(),
    output: side(),
    gate: form.gate && side(),
  };
}

function hierarchyArgs(unfolding: Unfolding, form: HierarchyForm, widths: readonly number[]): HierarchyArgs {
  const { neurons, roots, slots, leaf, costs, input, output, gate, biases, gateBiases } = unfolding;
  const numberOf = (dtype: DType | undefined) => dtype && NATIVE_DTYPES[dtype];
  return {
    ...{ neurons, roots, slots, leaf, costs },
    inputDtype: NATIVE_DTYPES[form.input],
    inputCoefficients: input.coefficients,
    inputFollowed: input.followed,
    inputFloors: input.floors,
    inputGains: input.gains,
    outputDtype: NATIVE_DTYPES[form.output],
    outputCoefficients: output.coefficients,
    outputFollowed: output.followed,
    outputFloors: output.floors,
    outputGains: output.gains,
    gateDtype: numberOf(form.gate),
    gateCoefficients: gate?.coefficients,
    gateFollowed: gate?.followed,
    gateFloors: gate?.floors,
    gateGains: gate?.gains,
    biases: form.biases && biases,
    biasDtype: numberOf(form.biases),
    gateBiases: form.gateBiases && gateBiases,
    gateBiasDtype: numberOf(form.gateBiases),
    levelInstructions: Uint32Array.from(widths, (width) => width - roots),
    sizes: new Uint32Array(widths.length),
  };
}
