import { Command, InvalidArgumentError } from 'commander';
import * as quality from './quality.mjs';
import * as size from './size.mjs';
import * as speed from './speed.mjs';

const suites = { quality, size, speed };

function count(text) {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

const program = new Command('bench')
  .description('Measures hermkit against its goals and its peers; prints what was measured, also when it looks bad.')
  .argument('<suite>', `one of: ${Object.keys(suites).join(', ')}`)
  .option('--json', 'one JSON object instead of a table')
  .option('--model <name>', 'quality: one of relu, tanh, gelu; size: a model by its name (default: all)')
  .option('--case <name>', `speed: one of ${speed.CASES.join(', ')} (default: all)`)
  .option('--max-neurons <m>', 'speed: leave out blocks with more neurons', count)
  .option('--markdown', 'tables in Markdown')
  .addHelpText(
    'after',
    '\nExamples:\n  npm run bench -- quality --model relu\n  npm run bench -- speed --case clustering',
  )
  .parse();

const suite = suites[program.args[0]];
if (!suite) program.error(`Unknown suite ${program.args[0]}: there is ${Object.keys(suites).join(', ')}.`);
const { json, ...options } = program.opts();
if (options.case !== undefined && !speed.CASES.includes(options.case)) {
  program.error(`Unknown case ${options.case}: there is ${speed.CASES.join(', ')}.`);
}
const result = await suite.run(options);
console.log(json ? JSON.stringify(result) : suite.render(result, options));
