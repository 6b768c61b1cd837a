import { HermError } from '../errors.ts';
import type { HermFile } from '../file/read.ts';
import type { Skeleton } from '../herm/skeleton.ts';
import { isOnnxName } from '../model/file_format.ts';
import { forward, mlpLayers, requireChain } from '../model/forward.ts';
import { readSamples } from '../model/sample_files.ts';
import { lookupIn } from '../model/weights.ts';
import type { CallOptions } from '../native/call.ts';
import { onnxRuns } from '../onnx/runtime.ts';

/** What a network of a file makes of samples. */
export type Evaluate = (skeleton: Skeleton) => Promise<Float64Array>;

/** What to do with a network that neither is a chain nor has a graph. */
const ADVICE = 'Run it yourself: measureSensitivity of the library, "evaluate".';

/**
 * Runs networks of a file on files of samples: chains here, ONNX models in onnxruntime.
 *
 * @param paths of chains files of inputs as `compress` takes them, of ONNX models as {@link onnxRuns}
 * @throws HermError `NO_CHAIN`, `PRIOR`, `ONNX_RUNTIME`, `IO`, and as reading safetensors does.
 */
export async function sampleRuns(
  file: HermFile,
  paths: readonly string[],
  options: Pick<CallOptions, 'signal' | 'threads'>,
): Promise<Evaluate> {
  const { signal, threads } = options;
  if (isOnnxName(file.original.files[0]!.name)) {
    const run = await onnxRuns(paths, signal);
    return async (skeleton) => run(await file.onnxModel(skeleton, { signal, threads }));
  }
  return chainRun(file, await chainInputs(file, paths), options);
}

/** The whole network of a chain of blocks on inputs [rows×n]. @throws HermError `NO_CHAIN` */
export function chainRun(
  { blocks, name }: HermFile,
  inputs: Float64Array,
  { signal, threads }: Pick<CallOptions, 'signal' | 'threads'>,
): Evaluate {
  const rows = inputs.length / requireChain(blocks, name, ADVICE)[0]!.inputs;
  return ({ tensors }) => forward(mlpLayers(blocks, lookupIn(tensors)), inputs, rows, { signal, threads });
}

/** [rows×n] of all files. */
async function chainInputs({ blocks, name }: HermFile, paths: readonly string[]): Promise<Float64Array> {
  const [first] = requireChain(blocks, name, ADVICE);
  const inputs = (await readSamples(blocks, paths))[first!.name];
  if (inputs !== undefined) return Float64Array.from(inputs);
  const why = `There are no samples of block ${first!.name}, the first one, in ${paths.join(', ')}.`;
  throw new HermError('PRIOR', why, { files: paths });
}
