// Damages .herm files in many more ways than the test run does, and reads, salvages, truncates and upgrades them:
// node scripts/checks/mutate.mjs [count] [first seed]
import { join } from 'node:path';
import { root, run } from '../lib/run.mjs';

const [count = '100000', seed = String(Date.now() % 1e9)] = process.argv.slice(2);
console.log(`${count} mutations from seed ${seed}`);
process.env.HERM_MUTATIONS = count;
process.env.HERM_MUTATION_SEED = seed;
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
process.exitCode = run(process.execPath, [vitest, 'run', 'test/format/herm_mutation.test.ts']);
