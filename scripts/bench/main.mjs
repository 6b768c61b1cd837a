import { Command } from 'commander';
import * as quality from './quality.mjs';

const suites = { quality };

const program = new Command('bench')
  .description('Measures hermkit against its goals and its peers; prints what was measured, also when it looks bad.')
  .argument('<suite>', `one of: ${Object.keys(suites).join(', ')}`)
  .option('--json', 'one JSON object instead of a table')
  .option('--model <name>', 'quality: one of relu, tanh, gelu (default: all three)')
  .addHelpText('after', '\nExample:\n  npm run bench -- quality --model relu')
  .parse();

const suite = suites[program.args[0]];
if (!suite) program.error(`Unknown suite ${program.args[0]}: there is ${Object.keys(suites).join(', ')}.`);
const { json, ...options } = program.opts();
const result = await suite.run(options);
console.log(json ? JSON.stringify(result) : suite.render(result));
