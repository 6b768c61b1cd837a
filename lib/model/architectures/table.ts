import type { FeedForward } from './feed_forward.ts';
import { GATED } from './gated.ts';
import { PLAIN } from './plain.ts';

/** All feed-forward blocks that hermkit knows by the names of their tensors (docs/models.md). */
export const FEED_FORWARDS: readonly FeedForward[] = [...PLAIN, ...GATED];
