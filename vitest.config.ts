import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,binding,format,decode,onnx,e2e}/**/*.test.ts'],
    // Processes, not threads: the BLAS thread count belongs to the process, and a native crash names its file.
    pool: 'forks',
    testTimeout: 30_000,
    coverage: { provider: 'v8', include: ['lib/**/*.ts'], reporter: ['text-summary', 'html'] },
  },
});
