import { EXPERTS } from './experts.ts';
import type { FeedForward } from './feed_forward.ts';
import { GATED } from './gated.ts';
import { PLAIN } from './plain.ts';
import { SPEECH } from './speech.ts';
import { VISION } from './vision.ts';

/** All feed-forward blocks that hermkit knows by the names of their tensors (docs/models.md). */
export const FEED_FORWARDS: readonly FeedForward[] = [...PLAIN, ...VISION, ...SPEECH, ...GATED, ...EXPERTS];
