import { HermError } from '../errors.ts';
import { quoteName } from './messages.ts';

/** The longest name that file systems take, in bytes. */
const MAX_BYTES = 255;

/**
 * Names of files that are to lie in one directory: none may lead out of it, and no two may be the same file where case or
 * the spelling of accents does not count.
 *
 * @param where who wants these names, for the message.
 * @throws HermError `HERM_NAME`
 */
export function checkFileNames(names: readonly string[], where: string): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const fault = faultOf(name);
    const refuse = (why: string) =>
      new HermError(
        'HERM_NAME',
        `${where} names a file ${quoteName(name)}: ${why}. No file is written under such a name.`,
        {
          name,
        },
      );
    if (fault !== undefined) throw refuse(fault);
    const same = name.normalize('NFC').toLowerCase();
    const other = seen.get(same);
    if (other !== undefined) throw refuse(`that is the same as ${quoteName(other)} on systems that ignore case`);
    seen.set(same, name);
  }
}

function faultOf(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name === '.' || name === '..') return 'it is a directory';
  if (/[/\\]/.test(name)) return 'it leads to another directory';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no name may hold
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'it holds a control character';
  if (/^[A-Za-z]:/.test(name)) return 'it begins with a drive';
  // toWellFormed() is not in Node 20's type library; a lone surrogate does not survive UTF-8.
  if (Buffer.from(name, 'utf8').toString('utf8') !== name) return 'it is not valid Unicode';
  if (Buffer.byteLength(name) > MAX_BYTES) return `it has more than ${MAX_BYTES} bytes`;
  return undefined;
}
