// What loading the addon starts and leaves behind.
import { readdirSync } from 'node:fs';
import { buildInfo } from 'hermkit';

const threads = () => readdirSync('/proc/self/task').length;
const before = threads();
buildInfo();
const { OPENBLAS_NUM_THREADS: wanted = null } = process.env;
process.stdout.write(JSON.stringify({ started: threads() - before, wanted }));
