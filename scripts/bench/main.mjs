import { Command, InvalidArgumentError, Option } from 'commander';
import * as dynamic from './dynamic.mjs';
import * as elastic from './elastic.mjs';
import * as grow from './grow.mjs';
import * as plan from './plan.mjs';
import * as quality from './quality.mjs';
import * as selectivity from './selectivity.mjs';
import * as size from './size.mjs';
import * as speed from './speed.mjs';

const suites = { dynamic, elastic, grow, plan, quality, selectivity, size, speed };

function count(text) {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

const names = (text) => text.split(',').map((name) => name.trim());
const shares = (text) =>
  names(text).map((part) => {
    const share = Number(part) / 100;
    if (!(share > 0 && share <= 1)) throw new InvalidArgumentError('They must be percentages above 0, up to 100.');
    return share;
  });

const program = new Command('bench')
  .description('Measures hermkit against its goals and its peers; prints what was measured, also when it looks bad.')
  .argument('<suite>', `one of: ${Object.keys(suites).join(', ')}`)
  .option('--json', 'one JSON object instead of a table')
  .option(
    '--model <name>',
    `quality: ${quality.MODEL_NAMES.join(', ')}, or a .safetensors file of a classifier of Fashion-MNIST; size: a model by its name (default: all); elastic, grow: relu, tanh or gelu`,
  )
  .addOption(new Option('--prior <name>', "quality: instead of each model's own Gaussian prior").choices(['weights']))
  .option('--methods <names>', 'quality: only these, separated by commas', names)
  .option('--widths <percentages>', 'quality: only these shares of neurons kept, separated by commas', shares)
  .option('--no-samples', 'quality: data-free methods alone')
  .option('--case <name>', `speed: one of ${speed.CASES.join(', ')} (default: all)`)
  .option('--max-neurons <m>', 'speed: leave out blocks with more neurons', count)
  .option('--tasks <names>', `elastic: some of ${elastic.TASKS.join(', ')}, separated by commas`, names)
  .option('--markdown', 'tables in Markdown')
  .addHelpText(
    'after',
    '\nExamples:\n  npm run bench -- quality --model relu --no-samples\n  npm run bench -- speed --case clustering',
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
