import { defineConfig } from 'tsdown';
import { licenceNotes } from './scripts/lib/licence-notes.ts';

const shared = { outDir: 'dist', platform: 'node', target: 'node20', sourcemap: true, dts: true } as const;
const library = { index: 'lib/index.ts', decode: 'lib/decode/index.ts' };

export default defineConfig([
  // The library, the decoder and the command line share chunks, so that an error thrown by one is an instance of the
  // other's class. What the decoder shares runs in browsers, as it does itself.
  // zod is a hundred files, most of which are messages in other languages: finding them takes longer than most commands do.
  // Its types stay where they are.
  {
    ...shared,
    entry: { ...library, 'cli/main': 'lib/cli/main.ts' },
    format: 'esm',
    deps: { alwaysBundle: (id, importer) => id === 'zod' && !importer?.endsWith('.d.ts'), onlyBundle: ['zod'] },
  },
  // The page of a report: one script that is put into it as text, with everything that it needs.
  {
    entry: { page: 'lib/report/page/main.ts' },
    outDir: 'dist/report',
    outputOptions: { entryFileNames: 'page.js' },
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    sourcemap: false,
    dts: false,
    clean: false,
    deps: { alwaysBundle: [/./] },
    plugins: [licenceNotes],
    copy: [{ from: 'lib/report/page/page.css', to: 'dist/report' }],
  },
  // There is no CommonJS of @noble/hashes, which Node.js 20 needs.
  {
    ...shared,
    entry: library,
    format: 'cjs',
    // Else an entry holds the errors, and it and the shared chunk need each other.
    outputOptions: { advancedChunks: { groups: [{ name: 'errors', test: /lib[\\/]errors\.ts$/ }] } },
    clean: false,
    deps: { alwaysBundle: [/^@noble\/hashes/], onlyBundle: [/^@noble\/hashes/] },
  },
]);
