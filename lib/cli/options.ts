import { InvalidArgumentError } from 'commander';
import { z } from 'zod';

/** A parser for commander from a schema: what the schema refuses is a wrong command line (exit code 2). */
function parser<T>(schema: z.ZodType<T, string>): (text: string) => T {
  return (text) => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(`${parsed.error.issues[0]!.message}.`);
  };
}

/** An option that may be repeated. */
export const collect = (text: string, before: readonly string[] = []) => [...before, text];

const wholeNumber = (message: string) =>
  z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number);

const PERCENT = 'Give a percentage above 0 and up to 100, such as 25%';
const share = z
  .string()
  .regex(/^\d+(\.\d+)?%$/, PERCENT)
  .transform((text) => Number(text.slice(0, -1)) / 100)
  .refine((value) => value > 0 && value <= 1, PERCENT);

/** A width of one block: so many neurons, or a share of them: in (0, 1], or any above 0 where it grows. */
export type Width = { readonly neurons: number } | { readonly share: number };

const WIDTH = 'Give widths as 25%, as 40 (neurons), or block by block as fc1=40,fc2=25%';
const MORE = 'Give a percentage above 0, such as 150%';
const growth = z
  .string()
  .regex(/^\d{1,9}(\.\d+)?%$/, MORE)
  .transform((text) => Number(text.slice(0, -1)) / 100)
  .refine((value) => value > 0, MORE);

/** What commands say of `--width`. */
export const WIDTHS_HELP = '"25%", "40" neurons a block, or block by block "fc1=40,fc2=25%"';

/** `--width`: one for all blocks, or one for each named block (those not named keep their full width). */
export type Widths = { readonly all: Width } | { readonly byBlock: ReadonlyMap<string, Width> };

/** Widths whose percentages are `share`s. */
function widthsWith(share: z.ZodType<number, string>, message: string): z.ZodType<Widths, string> {
  const neuronCount = wholeNumber(message);
  const width = z
    .string()
    .transform(
      (text, context): Width =>
        text.endsWith('%')
          ? { share: parseInside(share, text, context) }
          : { neurons: parseInside(neuronCount, text, context) },
    );
  return z.string().transform((text, context): Widths => {
    if (!text.includes('=')) return { all: parseInside(width, text, context) };
    const byBlock = new Map<string, Width>();
    for (const entry of text.split(',')) {
      const equals = entry.lastIndexOf('=');
      const block = entry.slice(0, Math.max(equals, 0)).trim();
      if (block === '' || byBlock.has(block)) context.addIssue({ code: 'custom', message });
      byBlock.set(block, parseInside(width, entry.slice(equals + 1).trim(), context));
    }
    return { byBlock };
  });
}

function parseInside<T>(schema: z.ZodType<T, string>, text: string, context: z.RefinementCtx): T {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  context.addIssue({ code: 'custom', message: parsed.error.issues[0]!.message });
  return z.NEVER;
}

const list = <T>(item: z.ZodType<T, string>) =>
  z.string().transform((text, context) => text.split(',').map((entry) => parseInside(item, entry.trim(), context)));

const NEURONS = 'Give neurons by number, counted from 0, such as 3,17';
const neurons = list(wholeNumber(NEURONS)).refine((all) => new Set(all).size === all.length, 'Name each neuron once');

const THREADS = 'Give a whole number from 1 to 1024';

const MEMORY = 'Give an amount of memory above 0, such as 500MB, 8GiB or 2G';
const PREFIXES = ['', 'k', 'm', 'g', 't'];

/** Sizes as GNU tools read them: MB are powers of 1000, MiB and M powers of 1024. */
const memory = z.string().transform((text, context) => {
  const [, digits = '', prefix = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(i?b)?$/i.exec(text) ?? [];
  const base = unit.toLowerCase() === 'b' ? 1000 : 1024;
  const bytes = Math.floor(Number(digits) * base ** PREFIXES.indexOf(prefix.toLowerCase()));
  if (bytes > 0 && Number.isSafeInteger(bytes) && (prefix !== '' || unit.length < 2)) return bytes;
  context.addIssue({ code: 'custom', message: MEMORY });
  return z.NEVER;
});

const KEEP = 'Give a percentage from 0% to 100%';

export const parseKeep = parser(
  z
    .string()
    .regex(/^\d+(\.\d+)?%$/, KEEP)
    .transform((text) => Number(text.slice(0, -1)) / 100)
    .refine((kept) => kept <= 1, KEEP),
);

const BLEND = 'Give a share from 0 to 1, such as 0.2';

export const parseBlend = parser(
  z
    .string()
    .regex(/^\d*\.?\d+$/, BLEND)
    .transform(Number)
    .refine((share) => share <= 1, BLEND),
);
export const parseMemory = parser(memory);

const COUNT_BUDGET = 'Give a percentage such as 40%, or a number above 0 such as 120000';
const BYTE_BUDGET = 'Give a percentage such as 40%, or a size such as 2MB';
/** A share of the whole (up to 1), or so much. */
const budget = (amount: z.ZodType<number, string>, message: string) =>
  z
    .string()
    .transform((text, context) => parseInside(text.endsWith('%') ? share : amount, text, context))
    .refine((value) => value > 0, message);
export const parseCountBudget = parser(budget(wholeNumber(COUNT_BUDGET), COUNT_BUDGET));
export const parseByteBudget = parser(budget(memory, BYTE_BUDGET));
export const parseThreads = parser(wholeNumber(THREADS).refine((n) => n >= 1 && n <= 1024, THREADS));
export const parseShares = parser(
  list(share).refine((all) => new Set(all).size === all.length, 'Name each share once'),
);
export const parseWidths = parser(widthsWith(share, WIDTH));
export const parseGrowth = parser(
  widthsWith(growth, 'Give widths as 150%, as 400 (neurons), or block by block as fc1=400,fc2=150%'),
);
const SEED = 'Give a whole number from 0 to 4294967295';
export const parseSeed = parser(wholeNumber(SEED).refine((seed) => seed < 2 ** 32, SEED));
const MULTIPLE = 'Give a whole number above 0, such as 64';
export const parseMultiple = parser(wholeNumber(MULTIPLE).refine((n) => n >= 1, MULTIPLE));
export const parseMaxError = parser(
  z
    .string()
    .regex(/^\d*\.?\d+(e-?\d+)?$/i, 'Give a relative error such as 0.05')
    .transform(Number),
);
export const parsePair = parser(neurons.refine((all) => all.length === 2, 'Give two neurons, such as 3,17'));
export const parseGroup = parser(
  neurons.refine((all) => all.length >= 2, 'Give at least two neurons, such as 3,17,20'),
);

const IMAGE = 'Give the size of pictures as width x height, such as 28x28';
export const parseImage = parser(
  z
    .string()
    .regex(/^[1-9]\d{0,4}x[1-9]\d{0,4}$/, IMAGE)
    .transform((text) => {
      const [width, height] = text.split('x').map(Number) as [number, number];
      return { width, height };
    }),
);
