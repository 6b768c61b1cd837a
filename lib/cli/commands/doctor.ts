import { availableParallelism, cpus, release } from 'node:os';
import type { Command } from 'commander';
import packageJson from '../../../package.json' with { type: 'json' };
import { addonFile, loadAddon } from '../../native/load.ts';
import { thisSystem } from '../../native/system.ts';
import { type CommonOptions, type Outcome, type Run, withCommonOptions } from '../command.ts';
import { keyValues } from '../render.ts';

export function addDoctor(program: Command, run: Run): void {
  const command = program
    .command('doctor')
    .description('Show whether the native addon works here, and what it runs on.');
  withCommonOptions(command, ['herm doctor']).action((options: CommonOptions) => run(options, doctor));
}

async function doctor(): Promise<Outcome> {
  const addon = addonFile();
  const build = loadAddon().buildInfo();
  const { platform, arch, libc, node } = thisSystem();
  const json = {
    version: packageJson.version,
    node,
    platform: `${platform}-${arch}`,
    ...(libc === undefined ? {} : { libc }),
    system: release(),
    cpu: cpus()[0]?.model ?? 'unknown',
    threads: availableParallelism(),
    addon,
    ...build,
  };
  const text = keyValues([
    ['hermkit', json.version],
    ['Node', json.node],
    ['platform', `${json.platform}${libc === undefined ? '' : `, ${libc}`} (${json.system})`],
    ['CPU', `${json.cpu}, ${json.threads} threads`],
    ['addon', addon],
    ['compiler', `${build.compiler}, Node-API ${build.napiVersion}`],
    ['BLAS', build.blasConfig],
    ['BLAS core', build.blasCore],
    ['BLAS threads', build.blasParallel],
  ]);
  return { json, text };
}
