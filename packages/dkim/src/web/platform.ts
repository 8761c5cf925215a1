/** What this package uses of node:url, node:timers/promises and node:process, where there is no Node. */

/** The A-labels of a label in Unicode, by the platform's own URL; empty where it is no name. */
export function domainToASCII(label: string): string {
  try {
    return new URL(`http://${label}`).hostname;
  } catch {
    return '';
  }
}

/** Lets other work have its turn. */
export function setImmediate(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Warnings about a key are in `warnings` of its signer; this platform has no other place for them. */
export default { emitWarning(): void {} };
