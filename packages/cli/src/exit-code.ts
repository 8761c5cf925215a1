/**
 * Exit codes of `mb`. Small numbers are results, which each command defines; the others are those of sysexits.h and the
 * shell, and mean the same in every command.
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
  /** SIGHUP: the terminal or the session ended, as shells count it. */
  hungUp: 129,
  /** Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

/** Most serious first. */
const gravity = ['unknown', 'failed', 'deferred'] as const;

/** The exit code for the outcomes of one message: that of the most serious. */
export function exitCodeOf(outcomes: readonly { readonly status: string }[]): number {
  const gravest = gravity.find((status) => outcomes.some((outcome) => outcome.status === status));
  return gravest === undefined ? exitCodes.ok : exitCodes[gravest];
}
