import * as ort from 'onnxruntime-web';

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

export interface Output {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** What onnxruntime makes of an input: the first output of the model for its first input. */
export async function runOnnx(model: Uint8Array, x: Float32Array, dims: readonly number[]): Promise<Output> {
  const session = await ort.InferenceSession.create(model);
  try {
    const input = new ort.Tensor('float32', x, [...dims]);
    const outputs = await session.run({ [session.inputNames[0]!]: input });
    const { dims: shape, data } = outputs[session.outputNames[0]!]!;
    return { dims: shape, data: data as Float32Array };
  } finally {
    await session.release();
  }
}
