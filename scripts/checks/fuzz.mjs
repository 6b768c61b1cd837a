// Fuzzes the native decoders of .herm files with libFuzzer, under ASan and UBSan. Debian: clang-19 libclang-rt-19-dev
//   node scripts/checks/fuzz.mjs [minutes per target, 1] [target …]     all targets (test/fuzz/targets.h) without names
//   node scripts/checks/fuzz.mjs seeds                                   writes the seeds in test/fuzz/corpus/ anew
// Builds in build/fuzz/. Inputs that reach more code gather in build/fuzz/grown/, findings (with the fuzzer's report) in
// build/fuzz/findings/<target>/. Fails on any finding.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { capture, root, run, runQuietly } from '../lib/run.mjs';

const FOLDER = join(root, 'build', 'fuzz');
const CORPUS = join(root, 'test', 'fuzz', 'corpus');
const TARGETS = readdirSync(CORPUS).sort();

const OPTIONS = [
  '-DHERM_FUZZ=ON',
  '-DCMAKE_CXX_COMPILER=clang++-19',
  '-DHERM_SANITIZE=fuzzer-no-link,address,undefined,float-cast-overflow',
  // The first report ends the program: libFuzzer keeps the input that led to it.
  '-DCMAKE_CXX_FLAGS=-fno-sanitize-recover=all',
];
const LIMITS = ['-rss_limit_mb=512', '-timeout=5', '-max_len=4096'];

function build(programs) {
  runQuietly('fuzz: configuring', 'cmake', ['-S', '.', '-B', FOLDER, ...OPTIONS]);
  const jobs = String(availableParallelism());
  runQuietly('fuzz: building', 'cmake', ['--build', FOLDER, '--parallel', jobs, '--target', ...programs]);
}

function fuzz(target, seconds) {
  const grown = join(FOLDER, 'grown', target);
  const findings = join(FOLDER, 'findings', target);
  rmSync(findings, { recursive: true, force: true });
  for (const folder of [grown, findings]) mkdirSync(folder, { recursive: true });
  console.log(`${target}: fuzzing for ${seconds} s`);
  const started = performance.now();
  const { status, stderr } = capture(join(FOLDER, `fuzz_${target}`), [
    `-max_total_time=${seconds}`,
    '-print_final_stats=1',
    `-artifact_prefix=${findings}/`,
    ...LIMITS,
    grown,
    join(CORPUS, target),
  ]);
  const kept = readdirSync(findings).length;
  if (status !== 0) {
    writeFileSync(join(findings, 'report'), stderr);
    console.error(`\n--- ${target}, ${findings}\n${stderr.split('\n').slice(-50).join('\n')}`);
  }
  return {
    target,
    executions: Number(/number_of_executed_units:\s*(\d+)/.exec(stderr)?.[1] ?? 0),
    seconds: Math.round((performance.now() - started) / 1000),
    // An end that leaves no input is one, too.
    findings: status === 0 ? kept : Math.max(kept, 1),
  };
}

const [first = '1', ...names] = process.argv.slice(2);
const minutes = Number(first);
if (first === 'seeds' && names.length === 0) {
  build(['herm_fuzz_seeds']);
  process.exit(run(join(FOLDER, 'herm_fuzz_seeds'), [CORPUS]));
}
if (!(minutes > 0) || names.some((name) => !TARGETS.includes(name))) {
  console.error(`Usage: fuzz.mjs [minutes per target] [${TARGETS.join('|')} …], or fuzz.mjs seeds`);
  process.exit(2);
}
const targets = names.length > 0 ? names : TARGETS;
build(targets.map((target) => `fuzz_${target}`));
const results = targets.map((target) => fuzz(target, Math.round(minutes * 60)));
console.table(results);
process.exitCode = results.every(({ findings }) => findings === 0) ? 0 : 1;
