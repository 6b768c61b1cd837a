import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web';
import { HermError } from '../errors.ts';
import { quoteName } from '../model/messages.ts';
import { readNpy } from '../model/npy.ts';
import { readAllTensors } from '../model/sample_files.ts';
import { readWhole } from '../model/source.ts';
import type { Tensor } from '../model/tensor.ts';
import { throwIfAborted } from '../native/call.ts';

type Runtime = typeof import('onnxruntime-web');

/** Inputs of a model by their names. */
type Feeds = Readonly<Record<string, OrtTensor>>;

/** What a file says that a model is to be run on. */
interface Samples {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, OrtTensor>;
}

/** Types of tensors that models take, and what onnxruntime calls them. */
const TYPES = {
  F64: ['float64', Float64Array],
  F32: ['float32', Float32Array],
  F16: ['float16', Uint16Array],
  I64: ['int64', BigInt64Array],
  I32: ['int32', Int32Array],
  I8: ['int8', Int8Array],
  U8: ['uint8', Uint8Array],
  BOOL: ['bool', Uint8Array],
} as const;

/**
 * Runs ONNX models in onnxruntime-web, which is installed beside hermkit where somebody wants that.
 *
 * @param paths one run each: a safetensors file with a tensor for every input, or a `.npy` file for the only one
 * @returns all floating-point outputs of all runs, one after the other
 * @throws HermError `ONNX_RUNTIME`, and as reading samples does; what is returned also `ABORTED`.
 */
export async function onnxRuns(
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<(model: Uint8Array) => Promise<Float64Array>> {
  const runtime = await loadRuntime();
  const samples: Samples[] = [];
  for (const path of paths) samples.push({ path, tensors: await readInputs(runtime, path) });
  return async (model) => {
    const session = await runtime.InferenceSession.create(model).catch((cause: unknown) => {
      throw new HermError('ONNX_RUNTIME', `onnxruntime does not take the model: ${reason(cause)}`, {}, { cause });
    });
    try {
      const outputs: number[][] = [];
      for (const one of samples) {
        throwIfAborted(signal);
        outputs.push(await run(session, one));
      }
      return Float64Array.from(outputs.flat());
    } finally {
      await session.release();
    }
  };
}

async function loadRuntime(): Promise<Runtime> {
  const runtime = await import('onnxruntime-web').catch((cause: unknown) => {
    const why = 'ONNX models are run by onnxruntime-web, which is not installed: npm install onnxruntime-web';
    throw new HermError('ONNX_RUNTIME', why, {}, { cause });
  });
  runtime.env.wasm.numThreads = 1;
  runtime.env.logLevel = 'error';
  return runtime;
}

async function readInputs(runtime: Runtime, path: string): Promise<ReadonlyMap<string, OrtTensor>> {
  if (path.endsWith('.npy')) {
    const { shape, values } = readNpy(await readWhole(path), path);
    return new Map([[path, new runtime.Tensor('float32', values, shape)]]);
  }
  const tensors = await readAllTensors(path);
  return new Map(tensors.map((tensor) => [tensor.name, asInput(runtime, tensor, path)]));
}

function asInput({ Tensor: Input }: Runtime, { name, dtype, shape, data }: Tensor, path: string): OrtTensor {
  const known = Object.hasOwn(TYPES, dtype) ? TYPES[dtype as keyof typeof TYPES] : undefined;
  if (known === undefined) {
    const why = `${path} has ${quoteName(name)} as ${dtype}, which onnxruntime does not take.`;
    throw new HermError('ONNX_RUNTIME', why, { file: path, tensor: name });
  }
  const [type, Values] = known;
  // A copy begins where its numbers may.
  return new Input(type, new Values(data.slice().buffer) as Float32Array, shape) as OrtTensor;
}

async function run(session: InferenceSession, { path, tensors }: Samples): Promise<number[]> {
  const found = await session.run(feedsOf(session, { path, tensors })).catch((cause: unknown) => {
    const why = `onnxruntime cannot run the model on ${path}: ${reason(cause)}`;
    throw new HermError('ONNX_RUNTIME', why, { file: path }, { cause });
  });
  const floats = Object.values(found).flatMap(({ data }) =>
    data instanceof Float32Array || data instanceof Float64Array ? [...data] : [],
  );
  if (floats.length > 0) return floats;
  const why = `The model has no outputs of 32- or 64-bit floats on ${path}: nothing can be measured.`;
  throw new HermError('ONNX_RUNTIME', why, { file: path });
}

/** A tensor for every input by its name; the only tensor for the only input, whatever its name. */
function feedsOf({ inputNames }: InferenceSession, { path, tensors }: Samples): Feeds {
  const [only] = tensors.values();
  if (inputNames.length === 1 && tensors.size === 1) return { [inputNames[0]!]: only! };
  const missing = inputNames.find((name) => !tensors.has(name));
  if (missing === undefined) return Object.fromEntries(inputNames.map((name) => [name, tensors.get(name)!]));
  const names = inputNames.map(quoteName).join(', ');
  const why = `${path} has no tensor ${quoteName(missing)}; the model takes ${names}.`;
  throw new HermError('ONNX_RUNTIME', why, { file: path, tensor: missing });
}

const reason = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));
