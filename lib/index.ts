import { type BuildInfo, loadAddon } from './native/load.ts';

export { HermError, type HermErrorCode, type HermErrorDetails } from './errors.ts';
export type { BuildInfo };

/**
 * What the native addon was compiled with and which OpenBLAS it runs on.
 *
 * @throws HermError `ADDON_LOAD` when the addon does not load on this system.
 */
export function buildInfo(): BuildInfo {
  return loadAddon().buildInfo();
}
