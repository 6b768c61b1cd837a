/** What a file that holds tensors can be; `data` is one whose tensors another file describes. */
export const FILE_FORMATS = ['safetensors', 'onnx', 'data'] as const;

export type FileFormat = (typeof FILE_FORMATS)[number];
