import { defineConfig } from 'tsdown';

const shared = { outDir: 'dist', platform: 'node', target: 'node20', sourcemap: true } as const;

export default defineConfig([
  // The library and the command line share chunks, so that an error thrown by one is an instance of the other's class.
  { ...shared, entry: { index: 'lib/index.ts', 'cli/main': 'lib/cli/main.ts' }, format: 'esm', dts: true },
  { ...shared, entry: { index: 'lib/index.ts' }, format: 'cjs', dts: true, clean: false },
]);
