// Runs the native code under the tools that see what tests cannot: bad memory, undefined behaviour, data races.
//   node scripts/checks/sanitize.mjs [address|thread|valgrind|node|node-thread] [-- doctest or vitest arguments]
// Each check builds and reports in build/sanitize-<check>/. Without a name all of them run. Fails on any finding.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { capture, root, run, runQuietly } from '../lib/run.mjs';

const folderOf = (check) => join(root, 'build', `sanitize-${check}`);

/** Tools write what they find to files of this name and a process id. */
const findingsOf = (check) => join(folderOf(check), 'findings');

const addressEnvironment = (check, more = '') => ({
  ASAN_OPTIONS: `log_path=${findingsOf(check)}${more}`,
  // Beside ASan it writes to the program's output alone: the first report ends the program, so that its status tells.
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
});
const threadEnvironment = (check, more = '') => ({
  TSAN_OPTIONS: `log_path=${findingsOf(check)}:second_deadlock_stack=1${more}`,
});

/*
 * Memcheck runs one thread at a time, some 30 times as slowly. These would be most of its time without showing it more
 * of hermkit's code.
 */
const TOO_SLOW_FOR_VALGRIND = [
  // The tests' own quadrature and sampling. Others call the same kernels.
  'Hermite coefficients are the integrals*',
  'coefficients of high degree are the integrals*',
  'kernels of neurons with biases agree with Monte Carlo',
  'the predicted distance is the mean squared difference*',
  // Every shape of matching. Others run the same rounds.
  'the search finds the matching of all pairs*',
  // Every one of 65536 numbers; others try some of them.
  'exact_interval: *, every parent and every child',
  'float_grid: half precision, every number*',
  // The same work for several numbers of threads, of which it runs one at a time.
  'SCA of a group does not depend on the number of threads',
  'layers have the same bits for every number of threads',
  'the kernel matrix has the same bits for every number of threads',
  'norms and distances have the same bits for every number of threads',
  // Several tiles for every activation. Others of their files have several tiles for one.
  'refit never increases the distance*',
  'blocks that compute the same are at distance zero',
  // Many matrices of several tiles. Others of their file have one or two.
  'tiled Cholesky factors, inverses and solutions are those of the matrix*',
  'a matrix has no Cholesky factor*',
];

// Valgrind has no flush-to-zero mode, which this test sets.
const IMPOSSIBLE_IN_VALGRIND = ['float_grid: StrictFloat keeps denormals*'];

const CHECKS = {
  address: {
    finds: 'bad memory, leaks, undefined behaviour',
    build: () => buildTests('address', '-DHERM_SANITIZE=address,undefined'),
    command: (rest) => [testsOf('address'), ...rest],
    environment: addressEnvironment('address', ':detect_stack_use_after_return=1'),
  },
  thread: {
    finds: 'data races',
    build: () => buildTests('thread', '-DHERM_SANITIZE=thread'),
    command: (rest) => [testsOf('thread'), ...rest],
    environment: threadEnvironment('thread'),
  },
  valgrind: {
    finds: 'memory that nobody wrote, in libraries too',
    build: () => buildTests('valgrind', '-DCMAKE_CXX_FLAGS=-g'),
    command: (rest) => [
      'valgrind',
      '--leak-check=full',
      '--show-leak-kinds=definite',
      '--errors-for-leak-kinds=definite',
      '--fair-sched=yes',
      '--num-callers=30',
      '--error-exitcode=1',
      `--log-file=${findingsOf('valgrind')}.%p`,
      testsOf('valgrind'),
      ...(rest.length > 0 ? rest : [excluding([...TOO_SLOW_FOR_VALGRIND, ...IMPOSSIBLE_IN_VALGRIND])]),
    ],
    // Valgrind 3.19 knows no AVX-512. It hides it from cpuid, which hermkit's own dispatch asks (it ends at AVX2, which
    // valgrind knows); OpenBLAS is told.
    environment: { OPENBLAS_CORETYPE: 'Haswell' },
  },
  node: {
    finds: 'the same as address, in the addon',
    build: () => buildAddon('node', 'address,undefined'),
    command: bindingTests('node'),
    // V8 frees nothing at its end.
    environment: { ...addressEnvironment('node', ':detect_leaks=0'), ...preloaded('libasan.so') },
  },
  'node-thread': {
    finds: 'data races in the addon',
    build: () => buildAddon('node-thread', 'thread'),
    command: bindingTests('node-thread'),
    // Node, V8 and vitest's libraries are not compiled for this tool and would look like races among themselves: only
    // what the addon's own code reads and writes counts, with all locks and threads of the process.
    environment: {
      ...threadEnvironment('node-thread', ':ignore_noninstrumented_modules=1'),
      ...preloaded('libtsan.so'),
    },
  },
};

/** Doctest splits at commas, and has `?` for any character. */
function excluding(names) {
  return `--test-case-exclude=${names.map((name) => name.replaceAll(',', '?')).join(',')}`;
}

/** Node itself is not instrumented: the addon's run-time library must be there before it. */
function preloaded(library) {
  return { LD_PRELOAD: capture('gcc', [`-print-file-name=${library}`]).stdout.trim() };
}

const testsOf = (check) => join(folderOf(check), 'herm_native_tests');

function buildTests(check, option) {
  const folder = folderOf(check);
  runQuietly(`${check}: configuring`, 'cmake', ['-S', '.', '-B', folder, '-DHERM_NATIVE_TESTS=ON', option]);
  const jobs = String(availableParallelism());
  runQuietly(`${check}: building the kernel tests`, 'cmake', ['--build', folder, '--parallel', jobs]);
}

/** A tree of its own with the instrumented addon where the library looks for its binary, and the parts of pages that it writes. */
function buildAddon(check, sanitizers) {
  const folder = folderOf(check);
  const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  const options = ['compile', '-O', folder, `--CDHERM_SANITIZE=${sanitizers}`];
  runQuietly(`${check}: building the addon`, process.execPath, [cmakeJs, ...options]);
  const tree = join(folder, 'tree');
  rmSync(tree, { recursive: true, force: true });
  for (const part of ['lib', 'dist', 'test', 'package.json', 'vitest.config.ts']) {
    cpSync(join(root, part), join(tree, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  mkdirSync(join(tree, 'build', 'cmake', 'Release'), { recursive: true });
  symlinkSync(join(folder, 'Release', 'hermkit.node'), join(tree, 'build', 'cmake', 'Release', 'hermkit.node'));
}

/** One file at a time: shadow memory is large. */
function bindingTests(check) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const tree = join(folderOf(check), 'tree');
  const options = ['run', '--root', tree, '--no-file-parallelism', '--testTimeout=300000'];
  return (rest) => [process.execPath, vitest, ...options, ...(rest.length > 0 ? rest : ['test/binding'])];
}

const FINDING = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer/g;

/** How often the tool's files report something; prints those files. */
function countFindings(check) {
  let count = 0;
  for (const name of readdirSync(folderOf(check)).filter((file) => file.startsWith('findings.'))) {
    const text = readFileSync(join(folderOf(check), name), 'utf8');
    const memcheck = /ERROR SUMMARY: (\d+) errors/.exec(text);
    const found = memcheck ? Number(memcheck[1]) : (text.match(FINDING) ?? []).length;
    if (found > 0) console.log(`\n--- ${check}, ${name}\n${text}`);
    count += found;
  }
  return count;
}

function runCheck(check, rest) {
  const { build, command, environment, finds } = CHECKS[check];
  const started = performance.now();
  try {
    build();
  } catch (error) {
    console.error(error.message);
    return { check, finds, findings: 0, outcome: 'did not build' };
  }
  for (const name of readdirSync(folderOf(check))) {
    if (name.startsWith('findings.')) rmSync(join(folderOf(check), name));
  }
  console.log(`${check}: running`);
  const [program, ...args] = command(rest);
  const status = run(program, args, { env: { ...process.env, ...environment } });
  const findings = countFindings(check);
  const outcome = findings > 0 ? 'FINDINGS' : status === 0 ? 'clean' : `FAILED, exit status ${status}`;
  return { check, finds, findings, outcome, seconds: Math.round((performance.now() - started) / 1000) };
}

const split = process.argv.indexOf('--');
const asked = process.argv.slice(2, split < 0 ? undefined : split);
const rest = split < 0 ? [] : process.argv.slice(split + 1);
const unknown = asked.filter((check) => !(check in CHECKS));
if (unknown.length > 0 || (rest.length > 0 && asked.length !== 1)) {
  console.error(`Usage: sanitize.mjs [${Object.keys(CHECKS).join('|')}] [-- arguments of that one check's tests]`);
  process.exit(2);
}
const results = (asked.length > 0 ? asked : Object.keys(CHECKS)).map((check) => runCheck(check, rest));
console.table(results);
process.exitCode = results.every(({ outcome }) => outcome === 'clean') ? 0 : 1;
