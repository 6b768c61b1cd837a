// Builds the binary that is published into prebuilds/<platform>-<arch>/, for this machine or, with Debian's cross
// compilers, another: node scripts/prebuild.mjs [arm64|x64]. Then checks that it needs nothing but the C library.
import { checkPortable, ensurePrebuild } from './lib/prebuild.mjs';

const file = ensurePrebuild(process.argv[2]);
console.log(`${file}: ${(checkPortable(file) / 1e6).toFixed(1)} MB, needs the C library alone`);
