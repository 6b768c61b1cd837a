import { readFileSync } from 'node:fs';
import { platform } from 'node:os';

/** Bytes of this process at its highest; Linux's maxRSS begins with that of the process that started this one. */
export function peak() {
  if (platform() !== 'linux') return 1024 * process.resourceUsage().maxRSS;
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
}
