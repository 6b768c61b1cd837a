/** Where a value stands in a JSON text. */
interface Span {
  readonly begin: number;
  readonly end: number;
}

/** A string, or anything else up to what ends it. */
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+)/gy;

/**
 * A JSON text with another value of one member, all else byte for byte as it was: a number such as `10000.0` has a meaning
 * for Python that parsing and printing it would lose. A member that is not there becomes the first one.
 *
 * @param text valid JSON, an object @param path names of members, the last one may be missing
 */
export function withMember(text: string, path: readonly string[], value: unknown): string {
  const parents = path.slice(0, -1);
  const key = path.at(-1)!;
  const outer = parents.reduce<Span>((span, name) => find(text, span, name)!, { begin: 0, end: text.length });
  const found = find(text, outer, key);
  const printed = JSON.stringify(value);
  if (found !== undefined) return text.slice(0, found.begin) + printed + text.slice(found.end);
  const open = text.indexOf('{', outer.begin) + 1;
  const space = /^\s*/.exec(text.slice(open))![0];
  const empty = text[open + space.length] === '}';
  return `${text.slice(0, open)}${space}${JSON.stringify(key)}: ${printed}${empty ? '' : ','}${text.slice(open)}`;
}

/** The value of a member of the object in a span; of a member that is there twice the last one, as parsers have it. */
function find(text: string, { begin, end }: Span, key: string): Span | undefined {
  let found: Span | undefined;
  let depth = 0;
  let last = '';
  let start: number | undefined;
  TOKEN.lastIndex = begin;
  for (let match = TOKEN.exec(text); match !== null && TOKEN.lastIndex <= end; match = TOKEN.exec(text)) {
    const token = match[1]!;
    const at = TOKEN.lastIndex - token.length;
    if (start !== undefined && depth === 1 && (token === ',' || token === '}')) {
      found = { begin: start, end: start + text.slice(start, at).trimEnd().length };
      start = undefined;
    }
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
    if (depth === 1 && token === ':' && JSON.parse(last) === key) {
      start = at + 1 + /^\s*/.exec(text.slice(at + 1))![0].length;
    }
    last = token;
  }
  return found;
}
