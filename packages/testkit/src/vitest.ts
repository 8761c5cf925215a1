/**
 * Adds `toHaveReceivedMail` and `toBeSignedBy` to vitest: `import '@mb/testkit/vitest'` in a set-up file.
 *
 * @packageDocumentation
 */
import { expect } from 'vitest';
import { mailMatchers, type SignatureOptions } from './mailbox/matchers.ts';
import type { WaitOptions } from './mailbox/message-store.ts';

declare module 'vitest' {
  // The type parameters are those of vitest's own declaration, which this one is merged with.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** Waits until a message that fits is there; with `not`, waits as long to see that none comes. */
    toHaveReceivedMail(options?: WaitOptions): Promise<void>;
    /** Whether a DKIM signature of the domain verifies. */
    toBeSignedBy(domain: string, options?: SignatureOptions): Promise<void>;
  }
}

expect.extend(mailMatchers);
