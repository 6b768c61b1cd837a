import { defineConfig } from 'tsdown';

const shared = { outDir: 'dist', platform: 'node', target: 'node20', sourcemap: true } as const;

export default defineConfig([
  // The library and the command line share chunks, so that an error thrown by one is an instance of the other's class.
  { ...shared, entry: { index: 'lib/index.ts', 'cli/main': 'lib/cli/main.ts' }, format: 'esm', dts: true },
  { ...shared, entry: { index: 'lib/index.ts' }, format: 'cjs', dts: true, clean: false },
  // The decoder shares nothing with them: it is for browsers, too.
  {
    ...shared,
    platform: 'browser',
    entry: { decode: 'lib/decode/index.ts' },
    format: 'esm',
    fixedExtension: true,
    dts: true,
    clean: false,
  },
  {
    ...shared,
    entry: { decode: 'lib/decode/index.ts' },
    format: 'cjs',
    dts: true,
    clean: false,
    // There is no CommonJS of it, which Node.js 20 needs.
    deps: { alwaysBundle: [/^@noble\/hashes/] },
  },
]);
