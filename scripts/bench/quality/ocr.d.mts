import type { HermFile } from '../../../lib/index.ts';

export interface RenderedLine {
  readonly text: string;
  readonly pixels: unknown;
  readonly clean: boolean;
}

export declare const RECOGNISER: string;
export declare function renderedLines(): RenderedLine[];
export declare function readLines(onnxBytes: Uint8Array, lines?: readonly RenderedLine[]): Promise<string[]>;
export declare function readAccuracy(onnxBytes: Uint8Array): Promise<number>;
export declare function withoutBlocks(onnxBytes: Uint8Array, file: Pick<HermFile, 'blocks' | 'tensors'>): Uint8Array;
