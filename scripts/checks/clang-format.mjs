// Holds every C++ file that git knows against .clang-format; with --write, formats them.
import { capture, run } from '../lib/run.mjs';

// Versions format differently: one is meant, whatever its command is called.
const VERSION = 19;

const tool = [`clang-format-${VERSION}`, 'clang-format'].find((name) =>
  capture(name, ['--version']).stdout.includes(`version ${VERSION}.`),
);
if (tool === undefined) {
  console.error(`clang-format ${VERSION} is missing. Debian: apt-get install clang-format-${VERSION}`);
  process.exit(1);
}
const listed = capture('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.cc', '*.h']);
const files = listed.stdout.split('\n').filter(Boolean);
process.exitCode = run(tool, [...(process.argv.includes('--write') ? ['-i'] : ['--dry-run', '--Werror']), ...files]);
