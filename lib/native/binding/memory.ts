export interface MemoryKernel {
  /** Frees a buffer's memory at once; its views are empty from then on. No call may be at work on it. */
  detach(args: { readonly buffer: ArrayBuffer }): void;
}
