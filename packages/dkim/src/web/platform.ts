/** The parts of node:url, node:timers/promises and node:process that this package uses, for other platforms. */

/** Converts a Unicode label to an A-label with the platform's URL; empty if it is invalid. */
export function domainToASCII(label: string): string {
  try {
    return new URL(`http://${label}`).hostname;
  } catch {
    return '';
  }
}

/** Yields to the event loop. */
export function setImmediate(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Does nothing: warnings about a key are in `warnings` of its signer. */
export default { emitWarning(): void {} };
