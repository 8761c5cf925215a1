/**
 * Exit codes of `mb`. Each command defines the small numbers; the others are those of sysexits.h and the shell, and have
 * the same meaning in every command.
 */
export const exitCodes = {
  /** Everything went well; for `send`: every recipient's host took the message. */
  ok: 0,
  /** `send`: some recipients were deferred; the same command may succeed later. */
  deferred: 1,
  /** `send`: some recipients were refused; trying again changes nothing. */
  failed: 2,
  /** `send`: unknown for some recipients; the message may have been delivered. */
  unknown: 3,
  /** EX_USAGE: a flag, address, key or message is wrong; nothing was done. */
  usage: 64,
  /** EX_UNAVAILABLE: something that is needed, such as DNS, cannot be reached. */
  unavailable: 69,
  /** EX_SOFTWARE: a bug in mb. */
  defect: 70,
  /** EX_IOERR: standard output could not be written, so the report is incomplete. */
  outputLost: 74,
  /** 128 + SIGHUP: the terminal or the session ended. */
  hungUp: 129,
  /** 128 + SIGINT: Ctrl-C. */
  interrupted: 130,
} as const;

/** Most serious first. */
const bySeverity = ['unknown', 'failed', 'deferred'] as const;

/** The exit code for the outcomes of one message: that of the most serious. */
export function exitCodeOf(outcomes: readonly { readonly status: string }[]): number {
  const worst = bySeverity.find((status) => outcomes.some((outcome) => outcome.status === status));
  return worst === undefined ? exitCodes.ok : exitCodes[worst];
}
