/** What the process ends with; docs/cli.md lists them for users. */
export const EXIT = {
  ok: 0,
  /** The command failed, or what it checked is not as it should be. */
  failed: 1,
  /** The command line itself is wrong; nothing was done. */
  usage: 2,
  /** 128 + the signal's number, as shells report it. */
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

export const EXIT_HELP = `Exit codes: 0 done, 1 failed or a check did not hold, 2 wrong command line, 130 interrupted (Ctrl-C), 143 terminated.`;
