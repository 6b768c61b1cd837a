import type { CallOptions } from '../native/call.ts';
import type { PlanData } from './page_data.ts';

export interface ReportOptions extends CallOptions {
  /** Names of the blocks to report on; default: all. */
  readonly blocks?: readonly string[] | undefined;
  /** Inputs are pictures of this size: show input weights as such, of blocks that have so many inputs. */
  readonly image?: ImageSize | undefined;
  /** Chosen widths to show. */
  readonly plan?: PlanData | undefined;
}

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}
