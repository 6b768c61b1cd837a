import { longMerge } from './long_merge.mjs';

longMerge({ onProgress: () => process.exit(7) }).finally(() => console.log('settled'));
