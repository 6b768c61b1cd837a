import { fileURLToPath } from 'node:url';
import { runCommand } from './process.mjs';

// A version manager's python3 usually comes first and lacks Debian's packages.
const COMMANDS = ['python3', '/usr/bin/python3'];
export const INSTALL = 'apt-get install python3-scipy python3-sklearn';

const script = (name) => fileURLToPath(new URL(`./peers/${name}.py`, import.meta.url));

/** A Python that has numpy, scipy and scikit-learn, with their versions; undefined where there is none. */
export async function findPython() {
  for (const command of COMMANDS) {
    try {
      return { command, versions: JSON.parse(await runCommand(command, [script('versions')])) };
    } catch {
      // Not installed, or without these packages.
    }
  }
  return undefined;
}

/** What peers/<name>.py prints as JSON. */
export async function runPython(python, name, args) {
  return JSON.parse(await runCommand(python.command, [script(name), ...args.map(String)]));
}
