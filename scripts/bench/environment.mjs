import { availableParallelism, cpus, totalmem } from 'node:os';
import { buildInfo } from '../../dist/index.mjs';

/** What a figure depends on besides the code. */
export function environment() {
  const { blasConfig, blasCore, compiler } = buildInfo();
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    threads: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    blas: blasConfig,
    blasCore,
    compiler,
  };
}
