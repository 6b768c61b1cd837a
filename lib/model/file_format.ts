/** What a file that holds tensors can be; `data` is one whose tensors another file describes. */
export const FILE_FORMATS = ['safetensors', 'onnx', 'data'] as const;

export type FileFormat = (typeof FILE_FORMATS)[number];

/** Whether a name is that of an ONNX model. */
export function isOnnxName(name: string): boolean {
  return name.endsWith('.onnx');
}
