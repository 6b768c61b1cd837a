import { longMerge } from './long_merge.mjs';

longMerge({ onProgress: (done) => process.exit(done < 1 ? 7 : 6) }).finally(() => console.log('settled'));
