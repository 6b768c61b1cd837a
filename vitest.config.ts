import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,binding,format,decode,onnx,e2e}/**/*.test.ts'],
    // Processes, not threads: the BLAS thread count belongs to the process, and a native crash names its file.
    pool: 'forks',
    // Much of the time is one thread's: with two cores, two files at once.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    coverage: { provider: 'v8', include: ['lib/**/*.ts'], reporter: ['text-summary', 'html'] },
  },
});
