import { HermError } from '../errors.ts';
import type { KeptSpool, Leftover, SpoolOrigin } from '../file/kept_spool.ts';
import type { HermWriter } from '../file/write.ts';
import type { Block } from '../model/block.ts';
import type { ModelDigests } from '../model/digest.ts';
import type { Model } from '../model/model.ts';
import type { CompressOptions } from './compress.ts';
import type { InputPriors } from './find_priors.ts';

/** What was taken over from an interrupted run. */
export interface ResumeReport {
  /** Names of the blocks that were finished already. */
  readonly reused: readonly string[];
  /** Why something that was left, or all of it, had to be done again; undefined: nothing had to. */
  readonly unusable: string | undefined;
}

/** Everything that decides about the coded bytes of a group. */
export function originOf(
  { files, extras }: Model,
  blocks: readonly Block[],
  digests: ModelDigests,
  { kind, origin }: InputPriors,
  { refit = [], cost = 'pair' }: CompressOptions,
): SpoolOrigin {
  const input = {
    files: files.map(({ name, source: { size } }, n) => ({ name, size, sha256: digests.files[n] })),
    extras: extras.map(({ name, size }, n) => ({ name, size, sha256: digests.extras[n] })),
  };
  return { input, options: { blocks, refit, cost, prior: kind, ...origin } };
}

export function resumeReport(
  { groups, unusable }: Leftover,
  { layout }: HermWriter,
  blocks: readonly Block[],
): ResumeReport {
  return {
    reused: groups.flatMap((group) => layout.groups[group]!.blocks.map((block) => blocks[block]!.name)),
    unusable,
  };
}

/** The error, with where the work that is done lies and how to go on from it. */
export function sayWhatIsKept(cause: unknown, { folder, finished }: KeptSpool, groups: number): unknown {
  if (!(cause instanceof HermError) || finished === 0) return cause;
  const why = `${cause.message} What is done is kept in ${folder} (${finished} of ${groups} groups of blocks): run the same again with --resume (resume: true).`;
  const details = { ...cause.details, partial: folder, finished, groups };
  return new HermError(cause.code, why, details, { cause: cause.cause });
}
