// What a published binary may ask of a user's machine.
import { readdirSync, statSync } from 'node:fs';
import { capture } from './run.mjs';

/** The newest glibc that binaries may ask for: what Debian 12 and Ubuntu 22.04 have. */
const NEWEST_GLIBC = 35;
const C_LIBRARY = /^(linux-vdso|ld-linux|ld-musl|libc|libm|libpthread|libdl|librt)\b/;
const BUDGET = 30_000_000;

const matches = (command, args, pattern) => [...capture(command, args).stdout.matchAll(pattern)];

// Electron forbids memory of the addon's behind a JavaScript array, and ends the process.
const forbidden = (names) =>
  names
    .filter((name) => /create_external_(array)?buffer/.test(name))
    .map((name) => `it uses ${name}, which Electron forbids`);

function elfProblems(file) {
  const needed = matches('readelf', ['-dW', file], /\(NEEDED\).*\[(.+)\]/g).map(([, name]) => name);
  const symbols = matches('nm', ['-D', '--undefined-only', file], /^ +([Uw]) (\S+)/gm);
  const unwinds = matches('readelf', ['-lW', file], /GNU_EH_FRAME/g).length > 0;
  const libc = file.endsWith('.musl.node') ? muslProblems(symbols) : glibcProblems(symbols);
  return [
    ...forbidden(symbols.map(([, , name]) => name)),
    ...needed.filter((name) => !C_LIBRARY.test(name)).map((name) => `it needs ${name}`),
    ...(unwinds ? [] : ['its exceptions would find no handler']),
    ...libc,
  ];
}

const undefinedIn = (symbols, known) =>
  symbols
    .filter(([, kind, name]) => kind === 'U' && !/^napi_|^node_api_/.test(name) && !known(name))
    .map(([, , name]) => `nothing defines ${name}`);

function glibcProblems(symbols) {
  const newest = Math.max(...symbols.map(([, , name]) => Number(/@GLIBC_2\.(\d+)/.exec(name)?.[1] ?? 0)));
  return [
    ...undefinedIn(symbols, (name) => name.includes('@GLIBC')),
    ...(newest > NEWEST_GLIBC ? [`it needs glibc 2.${newest}`] : []),
  ];
}

/** Symbols have no versions there: they are held against those of the musl that is installed (Debian 12: 1.2.3). */
function muslProblems(symbols) {
  const musl = readdirSync('/lib').find((name) => name.startsWith('ld-musl-'));
  if (musl === undefined) return ['no musl is installed that would tell what it has (Debian: musl)'];
  const defined = matches('nm', ['-D', '--defined-only', `/lib/${musl}`], /^\S+ \w (\S+)/gm);
  const known = new Set(defined.map(([, name]) => name));
  return undefinedIn(symbols, (name) => known.has(name));
}

function machOProblems(file) {
  const needed = matches('otool', ['-L', file], /^\t(\S+)/gm).map(([, name]) => name);
  const strange = needed.filter((name) => !name.startsWith('/usr/lib/') && !name.includes('hermkit.node'));
  return strange.map((name) => `it needs ${name}`);
}

/** Libraries that are part of every Windows since 7; node.exe is the program itself. */
const WINDOWS = /^(KERNEL32|msvcrt|ADVAPI32|USER32|node)\.(dll|exe)$/i;

function peProblems(file) {
  const needed = matches('x86_64-w64-mingw32-objdump', ['-p', file], /DLL Name: (\S+)/g).map(([, name]) => name);
  const names = matches('strings', [file], /^(napi_\w+)$/gm).map(([, name]) => name);
  return [
    ...forbidden(names),
    ...(needed.length === 0 ? ['it imports nothing'] : []),
    ...needed.filter((name) => !WINDOWS.test(name)).map((name) => `it needs ${name}`),
  ];
}

function problemsOf(file) {
  if (/[\\/]win32-/.test(file)) return peProblems(file);
  return /[\\/]darwin-/.test(file) ? machOProblems(file) : elfProblems(file);
}

/** @throws Error when the binary would look for more on a user's machine than the C library, or is too large. */
export function checkPortable(file) {
  const problems = problemsOf(file);
  const { size } = statSync(file);
  if (size > BUDGET) problems.push(`it has ${size} bytes, more than ${BUDGET}`);
  if (problems.length > 0) throw new Error(`${file} is not portable: ${problems.join('; ')}.`);
  return size;
}
