#!/usr/bin/env node
/* node main.mjs MODEL.herm [--port 8080] [--block NAME] [--queue 64] [--rows 64] */
import { parseArgs } from 'node:util';
import { createService } from './service.mjs';

const options = {
  port: { type: 'string', default: '8080' },
  block: { type: 'string' },
  queue: { type: 'string', default: '64' },
  rows: { type: 'string', default: '64' },
};
const { values, positionals } = parseArgs({ options, allowPositionals: true });
if (positionals.length !== 1) {
  process.stderr.write('Usage: main.mjs MODEL.herm [--port 8080] [--block NAME] [--queue 64] [--rows 64]\n');
  process.exit(2);
}
const limits = { queue: Number(values.queue), rows: Number(values.rows), block: values.block };
const service = await createService(positionals[0], limits);

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    await service.stop();
    process.stdout.write('stopped\n');
  });
}

process.stdout.write(`listening on ${await service.app.listen({ port: Number(values.port) })}\n`);
