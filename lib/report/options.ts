import type { CallOptions } from '../native/call.ts';

export interface ReportOptions extends CallOptions {
  /** Names of the blocks to report on; default: all. */
  readonly blocks?: readonly string[] | undefined;
  /** Inputs are pictures of this size: show input weights as such, of blocks that have so many inputs. */
  readonly image?: ImageSize | undefined;
  /** Chosen widths by block name, as a plan has them: shown, and what the drawing is cut at first. */
  readonly plan?: Readonly<Record<string, number>> | undefined;
}

/** Width and height of the images that a network takes, in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}
