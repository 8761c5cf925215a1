/**
 * Adds `toHaveReceivedMail` and `toBeSignedBy` to vitest: `import '@mb/testkit/vitest'` in a setup file.
 *
 * @packageDocumentation
 */
import { expect } from 'vitest';
import { mailMatchers, type SignatureOptions } from './mailbox/matchers.ts';
import type { WaitOptions } from './mailbox/message-store.ts';

declare module 'vitest' {
  // The type parameters must be those of vitest's own declaration, with which this one is merged.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** Waits for a matching message. With `not`, passes if none arrives within `timeoutMs`. */
    toHaveReceivedMail(options?: WaitOptions): Promise<void>;
    /** Passes if a DKIM signature of the domain verifies. */
    toBeSignedBy(domain: string, options?: SignatureOptions): Promise<void>;
  }
}

expect.extend(mailMatchers);
