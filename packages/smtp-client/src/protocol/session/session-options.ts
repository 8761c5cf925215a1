import { misuse, type TranscriptEntry } from '../../errors.ts';
import { checkHostname } from '../transaction/mailbox.ts';
import type { Pipelining } from '../transaction/sender.ts';
import type { HostExperience } from './host-experience.ts';
import type { SessionLimits } from './limits.ts';
import type { Timeouts } from './timeouts.ts';

/** How a session behaves; everything but `hostname` has a default. */
export interface SessionOptions {
  /** The name for EHLO, HELO or LHLO: this host's ASCII domain name, or an address literal. */
  readonly hostname: string;
  /** `lmtp` greets with LHLO and reads a reply per recipient after the content (RFC 2033). Default `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp';
  /** Whether STARTTLS is used: never, where offered (default), or else the session fails. */
  readonly starttls?: 'never' | 'offered' | 'required';
  /** The transport is inside TLS from its first octet (RFC 8314 §3). */
  readonly implicitTls?: SessionTls;
  /**
   * SASL mechanisms that the driver can do, best first, or a function that gives them when it is known whether the
   * server's certificate was verified; the session fails when none succeeds.
   */
  readonly authMechanisms?: readonly string[] | ((verified: boolean) => readonly string[]);
  /** Whether the driver can get other credentials when the server has refused some. Default false. */
  readonly authRenewable?: boolean;
  /** Dangerous: AUTH also without TLS and over a certificate that was not verified. Default false. */
  readonly insecureAuth?: boolean;
  /** How far commands run ahead of replies where PIPELINING is offered. Default `across-messages`. */
  readonly pipelining?: Pipelining;
  /** Whether BDAT is used where CHUNKING and PIPELINING are offered. Default true. */
  readonly chunking?: boolean;
  /** What is known about the host; it learns from this session. Default: nothing is known. */
  readonly experience?: HostExperience;
  readonly timeouts?: Partial<Timeouts>;
  readonly limits?: Partial<SessionLimits>;
  /** Told every line of the transcript as it happens; never content, never a credential. It must not throw. */
  readonly onTranscript?: (entry: TranscriptEntry) => void;
  /**
   * Dangerous unless the transport copies: the memory of a block is used again once it was reported by `transmitted`.
   * Default false.
   */
  readonly reuseBlocks?: boolean;
}

/** What the session needs to know about TLS. */
export interface SessionTls {
  /** Whether the certificate was verified, by whatever was asked for. */
  readonly verified: boolean;
  /** One line for the transcript, e.g. `TLSv1.3 TLS_AES_256_GCM_SHA384, verified by pkix`. */
  readonly description: string;
  /**
   * Whether the server may still reject the handshake: under TLS 1.3 the client is done before the server has looked at
   * its last message, so the first octets from the server belong to the handshake. Default false.
   */
  readonly provisional?: boolean;
}

const optionKeys = new Set<string>([
  'hostname',
  'protocol',
  'starttls',
  'implicitTls',
  'authMechanisms',
  'authRenewable',
  'insecureAuth',
  'pipelining',
  'chunking',
  'experience',
  'timeouts',
  'limits',
  'onTranscript',
  'reuseBlocks',
] satisfies (keyof SessionOptions)[]);

/** Refuses what a session cannot be made from. @throws {SmtpError} MB_SMTP_OPTION */
export function checkSessionOptions(options: SessionOptions): void {
  for (const key of Object.keys(options)) {
    if (!optionKeys.has(key)) {
      throw misuse('MB_SMTP_OPTION', `${key} is not an option of a session; remove it.`);
    }
  }
  checkHostname(options.hostname);
}
