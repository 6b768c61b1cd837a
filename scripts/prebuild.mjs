// Builds the binary that is published into prebuilds/<platform>-<arch>/, for this machine or, with cross compilers,
// another: node scripts/prebuild.mjs [arm64|x64|win32-x64|linux-x64-musl]. Then checks that it needs nothing but what
// every such system has.
import { CROSS_TARGETS, ensureCrossPrebuild } from './lib/cross/addon.mjs';
import { checkPortable } from './lib/portable.mjs';
import { ensurePrebuild } from './lib/prebuild.mjs';

const target = process.argv[2];
const file = target in CROSS_TARGETS ? ensureCrossPrebuild(target) : ensurePrebuild(target);
console.log(`${file}: ${(checkPortable(file) / 1e6).toFixed(1)} MB, needs the C library alone`);
